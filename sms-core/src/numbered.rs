//! Enums that stores keep by their numbers.

/// Gives an enum with the numbers 0, 1, 2, … its `ALL`, `as_str`, `from_name`, `number` and
/// `from_number`. A variant without a name, out of order or with another number does not compile.
macro_rules! numbered {
    ($name:ident: $($variant:ident = $text:literal),+ $(,)?) => {
        impl $name {
            /// Every value, in the order of their numbers.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The name used in JSON, in stores and in logs.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The value of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.as_str() == name)
            }

            /// The number used in stores. Never renumbered.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The value of this number.
            pub fn from_number(number: i64) -> Option<Self> {
                usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
            }
        }

        const _: () = {
            let mut index = 0;
            while index < $name::ALL.len() {
                assert!($name::ALL[index] as usize == index, "the numbers are 0, 1, 2, …");
                index += 1;
            }
        };
    };
}

pub(crate) use numbered;

#[cfg(test)]
mod tests {
    use crate::lane::Lane;
    use crate::message::text::Encoding;
    use crate::message::{Class, OnUnknown};
    use crate::provider::receipt::ReceiptState;
    use crate::store::status::Status;

    /// Numbers and names lead back to their value, and JSON has the same names.
    macro_rules! assert_numbered {
        ($($name:ident),+) => {$(
            for value in $name::ALL {
                assert_eq!($name::from_number(i64::from(value.number())), Some(value));
                assert_eq!($name::from_name(value.as_str()), Some(value));
                assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
            }
            for number in [-1, i64::try_from($name::ALL.len()).unwrap(), i64::MIN, i64::MAX] {
                assert_eq!($name::from_number(number), None);
            }
            assert_eq!($name::from_name(""), None);
        )+};
    }

    #[test]
    fn numbers_and_names_lead_back_to_their_value() {
        assert_numbered!(Class, Encoding, Lane, OnUnknown, ReceiptState, Status);
    }
}
