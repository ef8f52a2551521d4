//! Closed lists of codes: an enum whose variants have the texts that guests, exit codes and `greenroom explain` use.

macro_rules! codes {
    ($(#[$list:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[$list])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// Every one there is.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// Its text.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// What it is, in a sentence or two.
            pub fn about(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),*).trim_start(),)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use codes;
