//! The macros of `greenroom-guest`, which exports them.

mod actor;
mod pattern;

use proc_macro::TokenStream;

/// Makes a function, or a type with a `main`, something that an actor can run: an entry.
///
/// On `fn forward(to: Address) -> Result<()>` it keeps the function and adds `forward::spawn(to)`, which starts an actor
/// that runs it, and `forward::spawn_with(&options, to)`, which does so with options. On `impl Counter { fn main(start: u32) -> Result<u32> { … } }` it adds `Counter::spawn(start)`; the entry
/// is called `counter`, and `main` may take `self` or `&mut self` if the type is `Default`.
///
/// Every argument must implement `serde::Deserialize` to come in and `serde::Serialize` to be sent by `spawn`, and own
/// its data. What is returned is nothing, a value that implements `Serialize`, or a `Result` of one. The macro knows a
/// result by that name: an alias that is called otherwise would be taken for a value.
#[proc_macro_attribute]
pub fn actor(attribute: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Describes messages, for `receive`.
///
/// | | matches |
/// | --- | --- |
/// | `any` `null` `bool` `int` `float` `num` `str` `array` `object` `address` `binary` | a value of that kind; `int` has no fraction, `float` has one, `num` is either |
/// | `"data"`, `1`, `-2.5`, `true` | that value |
/// | `["data", str]` | an array of exactly these elements |
/// | `[str; ..]` | an array of any length whose elements all match |
/// | `{"event": str, "data": any}` | an object with at least these keys |
/// | `host(P)` | what matches `P` and was made by the node itself |
/// | `(expression)` | the value of an expression, anything that serde can write |
///
/// An object from an expression is read as a pattern too, `{"$type": "any"}` among them: check what others sent before you
/// wait for it. Without an expression in it the pattern is a constant: `static DATA: Pattern = pattern!(["data", str]);`.
#[proc_macro]
pub fn pattern(tokens: TokenStream) -> TokenStream {
    pattern::expand(tokens.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
