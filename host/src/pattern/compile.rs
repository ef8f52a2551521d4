//! From a pattern's text to its shape.

use serde_json::value::RawValue;

use super::{BadPattern, Number, PATTERN_DEPTH_MAX, PATTERN_NODES_MAX, Pattern, Shape};
use crate::message::scan::{check, skip_space};

impl Pattern {
    /// # Errors
    ///
    /// [`BadPattern`] says which rule the text breaks.
    pub(crate) fn compile(text: &str) -> Result<Pattern, BadPattern> {
        check(text.as_bytes())?;
        let mut compiler = Compiler { nodes: 0 };
        if let Some([(key, inner)]) = object(text).as_deref()
            && key == "$host"
        {
            return Ok(Pattern { shape: compiler.shape(inner.get(), 1)?, from_host: true });
        }
        Ok(Pattern { shape: compiler.shape(text, 0)?, from_host: false })
    }
}

/// The keys and values of an object, in order and with repetitions; `None` if the text is no object.
fn object(text: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Pairs;

    impl<'de> serde::de::Visitor<'de> for Pairs {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    use serde::Deserializer as _;
    serde_json::Deserializer::from_str(text).deserialize_map(Pairs).ok()
}

struct Compiler {
    nodes: usize,
}

impl Compiler {
    fn shape(&mut self, text: &str, depth: usize) -> Result<Shape, BadPattern> {
        if depth >= PATTERN_DEPTH_MAX {
            return Err(BadPattern::TooDeep);
        }
        self.nodes += 1;
        if self.nodes > PATTERN_NODES_MAX {
            return Err(BadPattern::TooLarge);
        }
        let text = &text[skip_space(text.as_bytes(), 0)..];
        Ok(match text.as_bytes()[0] {
            b'n' => Shape::Null,
            b't' => Shape::Boolean(Some(true)),
            b'f' => Shape::Boolean(Some(false)),
            b'"' => Shape::Text(string(text).into()),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).expect("an admitted array");
                let items = items.into_iter().map(|item| self.shape(item.get(), depth + 1));
                Shape::Items(items.collect::<Result<_, _>>()?)
            }
            b'{' => self.object(&object(text).expect("an admitted object"), depth)?,
            _ => Shape::Exactly(Number::read(text.trim_ascii_end().as_bytes())),
        })
    }

    fn object(&mut self, pairs: &[(String, &RawValue)], depth: usize) -> Result<Shape, BadPattern> {
        let is_form = |key: &str| key.starts_with('$') && !key.starts_with("$$");
        if let Some((key, value)) = pairs.iter().find(|(key, _)| is_form(key)) {
            if pairs.len() > 1 {
                return Err(BadPattern::NotAlone(key.escape_debug().to_string()));
            }
            return self.form(key, value.get(), depth);
        }
        let pairs = pairs.iter().map(|(key, value)| {
            let key = key.strip_prefix('$').unwrap_or(key);
            Ok((key.into(), self.shape(value.get(), depth + 1)?))
        });
        Ok(Shape::Keys(pairs.collect::<Result<_, BadPattern>>()?))
    }

    fn form(&mut self, key: &str, value: &str, depth: usize) -> Result<Shape, BadPattern> {
        match key {
            "$type" => type_shape(value),
            "$each" => Ok(Shape::Each(Box::new(self.shape(value, depth + 1)?))),
            "$address" => {
                let takes = BadPattern::WrongValue { form: "$address", takes: "an address in a string" };
                let text: String = serde_json::from_str(value).map_err(|_| takes.clone())?;
                crate::address::split(&text).map_err(|_| takes)?;
                Ok(Shape::ThisAddress(text.into()))
            }
            "$host" => Err(BadPattern::HostInside),
            other => Err(BadPattern::UnknownForm(other.escape_debug().to_string())),
        }
    }
}

fn type_shape(value: &str) -> Result<Shape, BadPattern> {
    let takes = BadPattern::WrongValue { form: "$type", takes: "the name of a type in a string" };
    let name: String = serde_json::from_str(value).map_err(|_| takes)?;
    Ok(match name.as_str() {
        "any" => Shape::Any,
        "null" => Shape::Null,
        "boolean" => Shape::Boolean(None),
        "integer" => Shape::Integer,
        "float" => Shape::Float,
        "number" => Shape::Number,
        "string" => Shape::String,
        "array" => Shape::Array,
        "object" => Shape::Object,
        "address" => Shape::Address,
        "binary" => Shape::Binary,
        _ => return Err(BadPattern::UnknownType(name.escape_debug().to_string())),
    })
}

fn string(text: &str) -> String {
    serde_json::from_str(text).expect("an admitted string")
}

impl Number {
    /// Reads a number of the grammar.
    pub(super) fn read(text: &[u8]) -> Number {
        let mantissa_end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(mantissa_end);
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let float = point.is_some() || !exponent.is_empty();
        // An exponent beyond all bounds is only admitted with a mantissa of zero or a negative sign: any is right then.
        let written = exponent.get(1..).and_then(|text| std::str::from_utf8(text).ok()?.parse::<i64>().ok());
        let fraction = point.map_or(0, |point| mantissa.len() - point - 1) as i64;
        let mut exponent = written.unwrap_or(if exponent.is_empty() { 0 } else { i64::MIN / 2 }).saturating_sub(fraction);
        let negative = mantissa.starts_with(b"-");
        let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).skip_while(|d| *d == b'0').collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            return Number { float, negative: false, digits: Box::default(), exponent: 0 };
        }
        Number { float, negative, digits: digits.into(), exponent }
    }
}
