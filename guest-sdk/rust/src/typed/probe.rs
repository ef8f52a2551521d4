//! A deserializer that has no data: it writes down what is asked for, and answers with made-up values.

use crate::address::ADDRESS_KEY;
use crate::binary::BINARY_KEY;
use crate::host_message;
use crate::typed::shape::Shape;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// How deep a pattern goes. What lies deeper may be anything: types can contain themselves, and a check so deep is the
/// reader's business.
const DEPTH_MAX: usize = 4;

/// How deep made-up values go, for a type of which no finite value is found. The contract's own limit for a message.
const NESTING_MAX: usize = 64;

/// By which name and key serde_json's `RawValue` asks for the text of any value.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// One reading of a type.
pub(super) struct Trace {
    shape: Shape,
    depth: usize,
    /// Which variant to be, if the type is an enum, and how many it has.
    variant: usize,
    variants: usize,
    /// Fields seen, the one to leave out, and those that the type can do without.
    fields: usize,
    without: Option<usize>,
    optional: Vec<usize>,
}

impl Trace {
    pub(super) fn of_variant(variant: usize) -> Self {
        let shape = Shape::Kind("any");
        Self { shape, depth: 0, variant, variants: 1, fields: 0, without: None, optional: Vec::new() }
    }

    pub(super) fn without(mut self, field: usize) -> Self {
        self.without = Some(field);
        self
    }

    pub(super) fn probe(&mut self) -> Probe<'_> {
        Probe(self)
    }

    pub(super) fn variants(&self) -> usize {
        self.variants
    }

    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    pub(super) fn optional(&mut self, field: usize) {
        self.optional.push(field);
    }

    pub(super) fn into_pattern(self) -> String {
        self.shape.into_pattern(&self.optional)
    }

    /// Reads something inside, and answers what it asked for.
    fn inside<T>(&mut self, read: impl FnOnce(Probe<'_>) -> Result<T, Refused>) -> (Result<T, Refused>, Shape) {
        if self.depth > NESTING_MAX {
            return (Err(Refused), Shape::Kind("any"));
        }
        self.depth += 1;
        self.shape = Shape::Kind("any");
        let value = read(Probe(self));
        let shape = core::mem::replace(&mut self.shape, Shape::Kind("any"));
        self.depth -= 1;
        (value, if self.depth < DEPTH_MAX { shape } else { Shape::Kind("any") })
    }

    /// Reads a sequence of that many elements.
    fn elements<'de, V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> (Result<V::Value, Refused>, Vec<Shape>) {
        let mut shapes = Vec::new();
        let value = visitor.visit_seq(Elements { trace: self, left: count, shapes: &mut shapes });
        (value, shapes)
    }
}

/// That a type did not take the made-up value. Why does not matter.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type does not take a made-up value")
    }
}

impl core::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The deserializer of one value.
pub(super) struct Probe<'t>(&'t mut Trace);

impl Probe<'_> {
    fn kind(self, kind: &'static str) {
        self.0.shape = Shape::Kind(kind);
    }
}

/// Methods that ask for one kind, each answered with one value. 1 and not 0, for the types that exclude zero.
macro_rules! kinds {
    ($($method:ident $kind:literal $visit:ident($($value:expr)?);)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.kind($kind);
            visitor.$visit($($value)?)
        }
    )* };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Refused;

    kinds! {
        deserialize_any "any" visit_unit();
        deserialize_ignored_any "any" visit_unit();
        deserialize_bytes "any" visit_borrowed_bytes(b"");
        deserialize_byte_buf "any" visit_borrowed_bytes(b"");
        deserialize_option "any" visit_none();
        deserialize_unit "null" visit_unit();
        deserialize_bool "boolean" visit_bool(false);
        deserialize_i8 "integer" visit_i8(1);
        deserialize_i16 "integer" visit_i16(1);
        deserialize_i32 "integer" visit_i32(1);
        deserialize_i64 "integer" visit_i64(1);
        deserialize_i128 "integer" visit_i64(1);
        deserialize_u8 "integer" visit_u8(1);
        deserialize_u16 "integer" visit_u16(1);
        deserialize_u32 "integer" visit_u32(1);
        deserialize_u64 "integer" visit_u64(1);
        deserialize_u128 "integer" visit_u64(1);
        deserialize_f32 "number" visit_f32(1.0);
        deserialize_f64 "number" visit_f64(1.0);
        deserialize_char "string" visit_char('a');
        deserialize_str "string" visit_borrowed_str("");
        deserialize_string "string" visit_borrowed_str("");
        deserialize_identifier "string" visit_borrowed_str("");
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    /// What only the node sends is not worked out but known. It is a whole message: inside of one it is like any other.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        match host_message::patterns(name) {
            Some(patterns) if self.0.depth == 0 => {
                self.0.variants = patterns.len();
                self.0.shape = Shape::Whole(patterns[self.0.variant]);
                Err(Refused)
            }
            _ if name == RAW_VALUE => {
                self.kind("any");
                visitor.visit_map(MapDeserializer::new(core::iter::once((RAW_VALUE, "null"))))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let left = usize::from(self.0.depth < DEPTH_MAX);
        let (value, mut shapes) = self.0.elements(left, visitor);
        self.0.shape = shapes.pop().map_or(Shape::Kind("array"), |element| Shape::Each(Box::new(element)));
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refused> {
        let (value, shapes) = self.0.elements(length, visitor);
        self.0.shape = Shape::Tuple(shapes);
        value
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut members = Vec::new();
        let value = visitor.visit_map(Members { trace: self.0, left: fields, field: 0, shapes: &mut members });
        self.0.shape = match name {
            ADDRESS_KEY => Shape::Kind("address"),
            BINARY_KEY => Shape::Kind("binary"),
            _ => Shape::Object(members),
        };
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let top = self.0.depth == 0;
        if top {
            self.0.variants = variants.len().max(1);
        }
        // Inside a value there is no "one of these" in the language of patterns. Which variant stands for the others
        // changes with the depth, so that one that contains itself is left some time.
        let chosen = if top { self.0.variant } else { self.0.depth % variants.len().max(1) };
        let name = variants.get(chosen).ok_or(Refused)?;
        let value = visitor.visit_enum(Chosen { trace: self.0, name });
        if !top {
            self.0.shape = Shape::Kind("any");
        }
        value
    }
}

/// The elements of an array or a tuple.
struct Elements<'t> {
    trace: &'t mut Trace,
    left: usize,
    shapes: &'t mut Vec<Shape>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let (value, shape) = self.trace.inside(|probe| seed.deserialize(probe));
        self.shapes.push(shape);
        value.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The fields of a struct.
struct Members<'t> {
    trace: &'t mut Trace,
    left: &'static [&'static str],
    /// The number of the field that the next value is for.
    field: usize,
    shapes: &'t mut Vec<(&'static str, usize, Shape)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        while let [name, left @ ..] = self.left {
            self.left = left;
            self.field = self.trace.fields;
            self.trace.fields += 1;
            if self.trace.without == Some(self.field) {
                continue;
            }
            self.shapes.push((name, self.field, Shape::Kind("any")));
            let name: StrDeserializer<'_, Refused> = name.into_deserializer();
            return seed.deserialize(name).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        let (value, shape) = self.trace.inside(|probe| seed.deserialize(probe));
        if let Some((.., place)) = self.shapes.last_mut() {
            *place = shape;
        }
        value
    }
}

/// A variant of an enum.
struct Chosen<'t> {
    trace: &'t mut Trace,
    name: &'static str,
}

impl Chosen<'_> {
    fn content<T>(self, read: impl FnOnce(Probe<'_>) -> Result<T, Refused>) -> Result<T, Refused> {
        let (value, shape) = self.trace.inside(read);
        self.trace.shape = Shape::Variant(self.name, Box::new(shape));
        value
    }
}

impl<'de, 't> EnumAccess<'de> for Chosen<'t> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let name: StrDeserializer<'_, Refused> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.trace.shape = Shape::Text(self.name);
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        self.content(|probe| seed.deserialize(probe))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refused> {
        self.content(|probe| probe.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.content(|probe| probe.deserialize_struct("", fields, visitor))
    }
}
