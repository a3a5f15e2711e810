//! A serializer whose every call may fail.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::stand_ins::{answer, Failure};

/// A serializer that passes every value to a function that the optimiser cannot see.
#[derive(Debug)]
pub struct AnySerializer(u64);

impl serde::ser::Error for Failure {
    fn custom<T: core::fmt::Display>(message: T) -> Self {
        Self::of(&message)
    }
}

fn done(about: u64) -> Result<(), Failure> {
    crate::stand_ins::result(about, (), Failure::default())
}

macro_rules! scalars {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name(self, value: $kind) -> Result<(), Failure> {
            done(self.0 ^ value as u64)
        })*
    };
}

macro_rules! compounds {
    ($($name:ident($($argument:ident: $kind:ty),*)),*) => {
        $(fn $name(self, $($argument: $kind),*) -> Result<Self, Failure> {
            $(let _ = $argument;)*
            done(self.0).map(|()| self)
        })*
    };
}

impl Serializer for AnySerializer {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char
    }

    compounds! {
        serialize_seq(len: Option<usize>),
        serialize_tuple(len: usize),
        serialize_tuple_struct(name: &'static str, len: usize),
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize),
        serialize_map(len: Option<usize>),
        serialize_struct(name: &'static str, len: usize),
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
    }

    fn serialize_str(self, text: &str) -> Result<(), Failure> {
        done(self.0 ^ text.len() as u64)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        done(self.0 ^ bytes.len() as u64)
    }

    fn serialize_none(self) -> Result<(), Failure> {
        done(self.0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        done(self.0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failure> {
        done(self.0)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Failure> {
        done(u64::from(index) ^ variant.len() as u64)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn collect_str<T: core::fmt::Display + ?Sized>(self, value: &T) -> Result<(), Failure> {
        Err(Failure::of(&value))
    }
}

macro_rules! elements {
    ($($trait:ident :: $name:ident),*) => {
        $(impl $trait for AnySerializer {
            type Ok = ();
            type Error = Failure;

            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
                value.serialize(Self(answer(self.0)))
            }

            fn end(self) -> Result<(), Failure> {
                done(self.0)
            }
        })*
    };
}

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl $trait for AnySerializer {
            type Ok = ();
            type Error = Failure;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Failure> {
                value.serialize(Self(answer(self.0)))
            }

            fn end(self) -> Result<(), Failure> {
                done(self.0)
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element, SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field, SerializeTupleVariant::serialize_field
}
fields! { SerializeStruct, SerializeStructVariant }

impl SerializeMap for AnySerializer {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        key.serialize(Self(answer(self.0)))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        value.serialize(Self(answer(self.0)))
    }

    fn end(self) -> Result<(), Failure> {
        done(self.0)
    }
}
