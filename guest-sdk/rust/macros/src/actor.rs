//! `#[actor]`: an entry from a function or from a type with a `main`.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemFn, ItemImpl, Lit, Meta, Pat, Result,
    ReturnType, Signature, Type,
};

pub fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(attribute, "`#[actor]` takes no arguments"));
    }
    match syn::parse2(item)? {
        Item::Fn(function) => of_function(&function),
        Item::Impl(block) => of_type(&block),
        other => Err(Error::new_spanned(
            other,
            "`#[actor]` stands on a function, or on an `impl` of a type with a function `main`",
        )),
    }
}

/// What an entry is made from.
struct Entry {
    name: String,
    doc: String,
    arguments: Vec<(Ident, Type)>,
    /// The call, before its parentheses.
    call: TokenStream,
    returns_result: bool,
}

fn of_function(function: &ItemFn) -> Result<TokenStream> {
    let signature = &function.sig;
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new_spanned(receiver, "an actor that is a function has no `self`"));
    }
    let name = &signature.ident;
    let entry = Entry::new(name.to_string(), doc_of(&function.attrs), signature, quote!(#name))?;
    let (visibility, spawn, register) = (&function.vis, entry.spawn(&function.vis), entry.register());
    let doc = format!("Starts actors that run [`{name}`](fn@{name}).");
    Ok(quote! {
        #function

        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code)]
        #visibility enum #name {}

        #[allow(dead_code)]
        impl #name { #spawn }

        #register
    })
}

fn of_type(block: &ItemImpl) -> Result<TokenStream> {
    let Type::Path(path) = &*block.self_ty else {
        return Err(Error::new_spanned(&block.self_ty, "an actor type must be named: `impl Counter`"));
    };
    if block.trait_.is_some() || !block.generics.params.is_empty() {
        return Err(Error::new_spanned(
            block.self_ty.clone(),
            "an actor type has no parameters and its `impl` no trait",
        ));
    }
    let type_name = &path.path.segments.last().expect("a path has a segment").ident;
    let Some(main) = block.items.iter().find_map(main_of) else {
        return Err(Error::new_spanned(
            &block.self_ty,
            format!("`{type_name}` needs a function `main` here to be an actor"),
        ));
    };
    let call = match main.sig.receiver() {
        Some(_) => quote!(<#path as ::core::default::Default>::default().main),
        None => quote!(<#path>::main),
    };
    let entry = Entry::new(snake_case(&type_name.to_string()), doc_of(&block.attrs), &main.sig, call)?;
    let (spawn, register) = (entry.spawn(&main.vis), entry.register());
    Ok(quote! {
        #block

        #[allow(dead_code)]
        impl #path { #spawn }

        #register
    })
}

fn main_of(item: &ImplItem) -> Option<&ImplItemFn> {
    match item {
        ImplItem::Fn(function) if function.sig.ident == "main" => Some(function),
        _ => None,
    }
}

impl Entry {
    fn new(name: String, doc: String, signature: &Signature, call: TokenStream) -> Result<Self> {
        if let Some(keyword) = &signature.asyncness {
            let help = "an actor is not async: every call blocks this actor only, so there is nothing to await";
            return Err(Error::new_spanned(keyword, help));
        }
        if !signature.generics.params.is_empty() {
            let help = "an actor is not generic: its arguments come from JSON, so their types must be known";
            return Err(Error::new_spanned(&signature.generics, help));
        }
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => Some(typed),
        });
        let arguments = typed.map(|typed| match (&*typed.pat, &*typed.ty) {
            (_, Type::Reference(reference)) => {
                Err(Error::new_spanned(reference, "an argument of an actor owns its data: `String` instead of `&str`"))
            }
            (Pat::Ident(pattern), _) => Ok((pattern.ident.clone(), (*typed.ty).clone())),
            (pattern, _) => Err(Error::new_spanned(pattern, "an argument of an actor needs a plain name")),
        });
        let returns_result = matches!(&signature.output, ReturnType::Type(_, of) if is_result(of));
        Ok(Self { name, doc, arguments: arguments.collect::<Result<_>>()?, call, returns_result })
    }

    /// The functions that start an actor.
    fn spawn(&self, visibility: &syn::Visibility) -> TokenStream {
        let name = &self.name;
        let names: Vec<&Ident> = self.arguments.iter().map(|(name, _)| name).collect();
        let declared: Vec<TokenStream> = self.arguments.iter().map(|(name, of)| quote!(#name: #of)).collect();
        // Hygienic: an argument may be called so too.
        let options = Ident::new("options", Span::mixed_site());
        let doc = format!("Starts an actor that runs the entry `{name}` of this module.");
        let arguments = match self.arguments.len() {
            0 => quote!(&[(); 0]),
            _ => quote!(&(#(&#names,)*)),
        };
        quote! {
            #[doc = #doc]
            ///
            /// # Errors
            ///
            /// As for [`spawn`](::greenroom_guest::spawn).
            #visibility fn spawn(#(#declared),*) -> ::greenroom_guest::Result<::greenroom_guest::Address> {
                Self::spawn_with(&::greenroom_guest::Spawn::new(), #(#names),*)
            }

            #[doc = #doc]
            ///
            /// # Errors
            ///
            /// As for [`Spawn::start`](::greenroom_guest::Spawn::start).
            #visibility fn spawn_with(
                #options: &::greenroom_guest::Spawn,
                #(#declared),*
            ) -> ::greenroom_guest::Result<::greenroom_guest::Address> {
                #options.start(#name, #arguments)
            }
        }
    }

    /// What makes the entry known: to this module when it runs, and to whoever reads the file.
    fn register(&self) -> TokenStream {
        let (name, call) = (&self.name, &self.call);
        let names: Vec<String> = self.arguments.iter().map(|(name, _)| plain(name)).collect();
        let declared = self.arguments.iter().map(|(name, of)| format!("{}: {}", plain(name), tidy(of)));
        let signature = declared.collect::<Vec<_>>().join(", ");
        // Hygienic, and a closure instead of a function: the actor itself may be called `run` or `arguments`.
        let given = Ident::new("given", Span::mixed_site());
        let read = self
            .arguments
            .iter()
            .enumerate()
            .map(|(index, (_, of))| quote_spanned!(of.span()=> #given.get::<#of>(#index)?));
        let exit = if self.returns_result { format_ident!("exit_result") } else { format_ident!("exit") };
        let line = self.line(&names);
        let (length, bytes) = (line.len(), Literal::byte_string(line.as_bytes()));
        quote! {
            ::greenroom_guest::private::inventory::submit! {
                ::greenroom_guest::private::Entry {
                    name: #name, signature: #signature, arguments: &[#(#names),*],
                    run: |#given| {
                        _ = #given;
                        ::greenroom_guest::private::#exit(#call(#(#read),*))
                    },
                }
            }

            #[cfg(target_family = "wasm")]
            const _: () = {
                #[unsafe(link_section = "greenroom:entries")]
                #[used]
                static LINE: [u8; #length] = *#bytes;
            };
        }
    }

    /// One line of the custom section.
    fn line(&self, arguments: &[String]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|name| json_string(name)).collect();
        let (name, doc) = (json_string(&self.name), json_string(&self.doc));
        format!("{{\"name\":{name},\"doc\":{doc},\"args\":[{}]}}\n", arguments.join(","))
    }
}

fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// Whether a return type is called `Result`: of whichever crate, what it holds is then the outcome.
fn is_result(of: &Type) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

/// The first paragraph of a doc comment, on one line.
fn doc_of(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines = lines.map(|line| line.trim().to_owned());
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `HttpServer` is the entry `http_server`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// A type as one would write it: tokens print with spaces around every sign.
fn tidy(of: &Type) -> String {
    let text = of.to_token_stream().to_string();
    [
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" , ", ", "),
        (" ,", ","),
        (" :: ", "::"),
        ("& ", "&"),
        ("( ", "("),
        (" )", ")"),
    ]
    .iter()
    .fold(text, |text, (from, to)| text.replace(from, to))
}

pub fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            letter if letter < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn the_section_has_one_line_with_the_first_paragraph() {
        let function: ItemFn = parse_quote! {
            /// Says "hello"
            /// twice.
            ///
            /// More.
            fn greet(to: Address, n: u32) -> Result<()> {}
        };
        let entry = Entry::new("greet".into(), doc_of(&function.attrs), &function.sig, quote!(greet)).unwrap();
        assert!(entry.returns_result);
        let names = ["to".to_owned(), "n".to_owned()];
        assert_eq!(
            entry.line(&names),
            "{\"name\":\"greet\",\"doc\":\"Says \\\"hello\\\" twice.\",\"args\":[\"to\",\"n\"]}\n"
        );
    }

    #[test]
    fn types_and_names_read_as_a_person_writes_them() {
        assert_eq!(
            tidy(&parse_quote!(Vec<Option<(u32, std::string::String)>>)),
            "Vec<Option<(u32, std::string::String)>>"
        );
        assert_eq!(snake_case("HttpServer"), "http_server");
        assert_eq!(snake_case("Counter"), "counter");
    }
}
