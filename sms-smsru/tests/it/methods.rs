//! The API methods and their errors, with replies in recorded or documented formats.

mod callcheck;
mod code_call;
mod cost;
mod prices;
mod registration;
mod send;
mod status;
mod stoplist;

use sms_core::{Money, PhoneNumber};

use crate::support::{PHONE, phone};

const DONE: &str = r#"{"status":"OK","status_code":100}"#;

fn done(fields: &str) -> String {
    format!("{{\"status\":\"OK\",\"status_code\":100,{fields}}}")
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn two() -> [PhoneNumber; 2] {
    [PHONE, 74_993_221_627].map(phone)
}
