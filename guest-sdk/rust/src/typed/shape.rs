//! What a type asks for when it is read, and how that is written as a pattern.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a type asked for, as a pattern.
pub(super) enum Shape {
    Kind(&'static str),
    Text(&'static str),
    /// A pattern as it is written.
    Whole(&'static str),
    Each(Box<Shape>),
    Tuple(Vec<Shape>),
    /// Keys with the number of the field, by which it is made optional.
    Object(Vec<(&'static str, usize, Shape)>),
    /// An object with one key that is a variant's name.
    Variant(&'static str, Box<Shape>),
}

impl Shape {
    /// The pattern, without the fields of these numbers.
    pub(super) fn into_pattern(self, optional: &[usize]) -> String {
        let mut text = String::new();
        self.write(optional, &mut text);
        text
    }

    fn write(&self, optional: &[usize], text: &mut String) {
        let member = |text: &mut String, before: &str, key: &str, shape: &Shape| {
            text.push_str(before);
            text.push_str(&quoted(key));
            text.push(':');
            shape.write(optional, text);
        };
        match self {
            Shape::Kind(kind) => text.extend(["{\"$type\":\"", kind, "\"}"]),
            Shape::Text(value) => text.push_str(&quoted(value)),
            Shape::Whole(pattern) => text.push_str(pattern),
            Shape::Each(element) => {
                member(text, "{", "$each", element);
                text.push('}');
            }
            Shape::Tuple(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    element.write(optional, text);
                }
                text.push_str(if elements.is_empty() { "[]" } else { "]" });
            }
            Shape::Variant(name, content) => {
                member(text, "{", &key(name), content);
                text.push('}');
            }
            Shape::Object(members) => {
                text.push('{');
                let needed = members.iter().filter(|(_, field, _)| !optional.contains(field));
                for (index, (name, _, shape)) in needed.enumerate() {
                    member(text, if index == 0 { "" } else { "," }, &key(name), shape);
                }
                text.push('}');
            }
        }
    }
}

fn quoted(text: &str) -> String {
    crate::Json::String(text.to_owned()).to_string()
}

/// A key that really begins with `$` is written with one more.
fn key(name: &str) -> String {
    if name.starts_with('$') { ["$", name].concat() } else { name.to_owned() }
}
