//! `pattern!`: from Rust tokens to the pattern language of the contract.

use crate::actor::json_string;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Expr, Ident, Lit, LitStr, Result, Token, braced, bracketed, parenthesized};

/// The words for kinds of values, and what the contract calls them.
const KINDS: [(&str, &str); 11] = [
    ("any", "any"),
    ("null", "null"),
    ("bool", "boolean"),
    ("int", "integer"),
    ("float", "float"),
    ("num", "number"),
    ("str", "string"),
    ("array", "array"),
    ("object", "object"),
    ("address", "address"),
    ("binary", "binary"),
];

pub fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let Pattern(pieces) = Pattern::parse.parse2(tokens)?;
    if let [Piece::Text(text)] = pieces.as_slice() {
        return Ok(quote!(::greenroom_guest::Pattern::from_static(#text)));
    }
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quote!(text.push_str(#text);),
        Piece::Value(value) => quote!(text.push_str(&::greenroom_guest::private::text_of(&(#value)));),
    });
    Ok(quote! {{
        let mut text = ::greenroom_guest::private::String::new();
        #(#pieces)*
        ::greenroom_guest::Pattern::new(text)
    }})
}

/// A pattern as what is written down, between what is known only at run time.
struct Pattern(Vec<Piece>);

enum Piece {
    Text(String),
    Value(Expr),
}

impl Pattern {
    fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.0.push(Piece::Text(text.into())),
        }
    }

    fn append(&mut self, other: Self) {
        for piece in other.0 {
            match piece {
                Piece::Text(text) => self.push(&text),
                value @ Piece::Value(_) => self.0.push(value),
            }
        }
    }

    /// `{"key": pattern}`.
    fn under(key: &str, pattern: Self) -> Self {
        let mut whole = Self::text(format!("{{\"{key}\":"));
        whole.append(pattern);
        whole.push("}");
        whole
    }
}

impl Parse for Pattern {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(syn::token::Bracket) {
            return array(input);
        }
        if input.peek(syn::token::Brace) {
            return object(input);
        }
        if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            return Ok(Self(vec![Piece::Value(content.parse()?)]));
        }
        if input.peek(Lit) || input.peek(Token![-]) {
            return literal(input);
        }
        if input.peek(Ident::peek_any) {
            return word(input);
        }
        Err(input
            .error("expected a pattern: a kind such as `str`, a literal, `[…]`, `{…}`, `host(…)` or `(expression)`"))
    }
}

fn word(input: ParseStream<'_>) -> Result<Pattern> {
    let word = input.call(Ident::parse_any)?;
    if word == "host" && input.peek(syn::token::Paren) {
        let content;
        parenthesized!(content in input);
        return Ok(Pattern::under("$host", content.parse()?));
    }
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| word == known) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
        let message = format!(
            "`{word}` is no kind of value; there are {}. The value of a variable stands in parentheses: `({word})`",
            kinds.join(", ")
        );
        return Err(Error::new(word.span(), message));
    };
    Ok(Pattern::text(format!("{{\"$type\":\"{kind}\"}}")))
}

fn literal(input: ParseStream<'_>) -> Result<Pattern> {
    let sign = if input.parse::<Option<Token![-]>>()?.is_some() { "-" } else { "" };
    let literal: Lit = input.parse()?;
    let text = match &literal {
        Lit::Str(text) if sign.is_empty() => json_string(&text.value()),
        Lit::Bool(value) if sign.is_empty() => value.value.to_string(),
        Lit::Int(number) if ["f32", "f64"].contains(&number.suffix()) => format!("{sign}{}.0", number.base10_digits()),
        Lit::Int(number) => format!("{sign}{}", number.base10_digits()),
        // `1.` is a number in Rust, not in JSON.
        Lit::Float(number) if number.base10_digits().ends_with('.') => format!("{sign}{}0", number.base10_digits()),
        Lit::Float(number) => format!("{sign}{}", number.base10_digits()),
        other => {
            return Err(Error::new_spanned(other, "a literal in a pattern is a string, a number, `true` or `false`"));
        }
    };
    Ok(Pattern::text(text))
}

fn array(input: ParseStream<'_>) -> Result<Pattern> {
    let content;
    bracketed!(content in input);
    let mut whole = Pattern::text("[");
    let mut first = true;
    while !content.is_empty() {
        let element: Pattern = content.parse()?;
        if first && content.parse::<Option<Token![;]>>()?.is_some() {
            content.parse::<Token![..]>()?;
            return if content.is_empty() {
                Ok(Pattern::under("$each", element))
            } else {
                Err(content.error("expected `]`"))
            };
        }
        if !first {
            whole.push(",");
        }
        first = false;
        whole.append(element);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    whole.push("]");
    Ok(whole)
}

fn object(input: ParseStream<'_>) -> Result<Pattern> {
    let content;
    braced!(content in input);
    let mut whole = Pattern::text("{");
    let mut first = true;
    while !content.is_empty() {
        let key: LitStr = content.parse()?;
        content.parse::<Token![:]>()?;
        // A key that really begins with `$` is written with one more.
        let escape = if key.value().starts_with('$') { "$" } else { "" };
        let comma = if first { "" } else { "," };
        first = false;
        whole.push(&format!("{comma}{}:", json_string(&format!("{escape}{}", key.value()))));
        whole.append(content.parse()?);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    whole.push("}");
    Ok(whole)
}
