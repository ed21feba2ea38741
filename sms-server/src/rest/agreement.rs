//! Checks that a schema agrees with the reader or the reply of its type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::fields::tests::taken;
use crate::http::problem::Problem;

/// A schema with the schemas that it refers to.
struct Resolved {
    root: Value,
    named: BTreeMap<String, Value>,
}

/// The schema of an object, all parts together.
#[derive(Default)]
struct Object {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
    /// The schema of every other property.
    rest: Option<Value>,
}

impl Resolved {
    fn of<T: ToSchema>() -> Self {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        let written = |schema| serde_json::to_value(schema).expect("a schema");
        let named = schemas.into_iter().map(|(name, schema)| (name, written(schema))).collect();
        Self { root: written(T::schema()), named }
    }

    /// A schema in an OpenAPI document.
    fn in_document(document: &Value, schema: &Value) -> Self {
        let named = document["components"]["schemas"].as_object().expect("schemas").clone();
        Self { root: schema.clone(), named: named.into_iter().collect() }
    }

    fn follow<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => {
                let name = path.rsplit('/').next().expect("a name");
                self.named.get(name).unwrap_or_else(|| panic!("no schema named {name}"))
            }
            None => schema,
        }
    }

    /// The schemas of which one must fit.
    fn choices<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.follow(schema);
        match forms(schema) {
            Some(choices) => choices.iter().flat_map(|choice| self.choices(choice)).collect(),
            None => vec![schema],
        }
    }

    /// The same object, once for each choice that its parts leave.
    fn objects(&self, schema: &Value) -> Vec<Object> {
        let schema = self.follow(schema);
        if let Some(choices) = forms(schema) {
            return choices.iter().flat_map(|choice| self.objects(choice)).collect();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut wholes = vec![Object::default()];
            for part in parts {
                let parts = self.objects(part);
                wholes = wholes
                    .iter()
                    .flat_map(|whole| parts.iter().map(|part| whole.with(part)))
                    .collect();
            }
            return wholes;
        }
        let required = schema["required"].as_array().into_iter().flatten();
        vec![Object {
            properties: schema["properties"].as_object().cloned().unwrap_or_default(),
            required: required.map(|name| name.as_str().expect("a name").to_owned()).collect(),
            rest: schema.get("additionalProperties").cloned(),
        }]
    }

    /// Explains why the value does not fit; `None` if it does.
    fn misfit(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        let misfits: Vec<String> = match value {
            Value::Object(fields) if !is_free(self.follow(schema)) => self
                .objects(schema)
                .iter()
                .map(|object| self.misfit_of_fields(object, fields, place))
                .collect::<Option<_>>()?,
            _ => self
                .choices(schema)
                .into_iter()
                .map(|choice| self.misfit_of_value(choice, value, place))
                .collect::<Option<_>>()?,
        };
        Some(misfits.join(" and "))
    }

    fn misfit_of_fields(
        &self,
        object: &Object,
        fields: &Map<String, Value>,
        place: &str,
    ) -> Option<String> {
        if let Some(name) = object.required.iter().find(|name| !fields.contains_key(*name)) {
            return Some(format!("{place}/{name} is missing"));
        }
        fields.iter().find_map(|(name, value)| {
            let place = format!("{place}/{name}");
            match object.properties.get(name).or(object.rest.as_ref()) {
                Some(schema) => self.misfit(schema, value, &place),
                None => Some(format!("{place} is not in the schema")),
            }
        })
    }

    fn misfit_of_value(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        let fits = types(schema).contains(&type_of(value))
            || (type_of(value) == "integer" && types(schema).contains(&"number"));
        let is_named = schema["enum"].as_array().is_none_or(|names| names.contains(value));
        if !fits || !is_named {
            return Some(format!("{place} is {value} and not as {schema}"));
        }
        let items = value.as_array().into_iter().flatten();
        items.enumerate().find_map(|(index, item)| {
            self.misfit(&schema["items"], item, &format!("{place}/{index}"))
        })
    }
}

impl Object {
    fn with(&self, other: &Self) -> Self {
        let properties = self.properties.iter().chain(&other.properties);
        Self {
            properties: properties.map(|(name, schema)| (name.clone(), schema.clone())).collect(),
            required: self.required.union(&other.required).cloned().collect(),
            rest: self.rest.clone().or_else(|| other.rest.clone()),
        }
    }
}

/// The forms of which a value must have one: `oneOf` as utoipa writes it, `anyOf` in the document.
fn forms(schema: &Value) -> Option<&Vec<Value>> {
    schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array())
}

/// An object with any fields.
fn is_free(schema: &Value) -> bool {
    schema["type"] == "object"
        && schema.get("properties").is_none()
        && schema.get("additionalProperties").is_none()
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Checks that a reply is as the schema of its type says, without a field more.
pub(super) fn assert_described<T: ToSchema>(reply: &Value) {
    let schema = Resolved::of::<T>();
    if let Some(misfit) = schema.misfit(&schema.root, reply, "") {
        panic!("{}: {misfit}: {reply}", T::name());
    }
}

/// Explains why a value does not fit a schema of an OpenAPI document; `None` if it does.
pub(super) fn misfit_in(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = Resolved::in_document(document, schema);
    schema.misfit(&schema.root, value, "")
}

/// Checks that a reader accepts what the schema of its type allows, and nothing else. The sample is
/// a body with every field; strings may be `free` of a length in the schema.
pub(super) fn assert_agrees<T: ToSchema>(
    sample: &Value,
    free: &[&str],
    read: impl Fn(&Value) -> Result<(), Problem>,
) {
    let schema = Resolved::of::<T>();
    let object = schema.objects(&schema.root).swap_remove(0);
    let names: BTreeSet<&str> = object.properties.keys().map(String::as_str).collect();
    let sample = sample.as_object().expect("an object");
    let _ = taken();
    read(&json!(sample)).expect("the sample is good");
    assert_eq!(names, taken().into_iter().collect(), "the fields that are read");
    assert_eq!(names, sample.keys().map(String::as_str).collect(), "the fields of the sample");

    let minimal: Map<_, _> =
        sample.clone().into_iter().filter(|(name, _)| object.required.contains(name)).collect();
    let accepts = |name: &str, value: Option<Value>| {
        let mut body = minimal.clone();
        body.remove(name);
        body.extend(value.map(|value| (name.to_owned(), value)));
        read(&Value::Object(body)).is_ok()
    };
    assert!(!accepts("unknown", Some(json!(1))), "an unknown field");
    for (name, property) in &object.properties {
        let is_optional = !object.required.contains(name);
        assert_eq!(accepts(name, None), is_optional, "without {name}");
        assert_eq!(accepts(name, Some(Value::Null)), is_optional, "null in {name}");
        let choices = schema.choices(property);
        let allowed: Vec<&str> = choices.iter().flat_map(|choice| types(choice)).collect();
        for value in [json!(true), json!(7), json!(1.5), json!("x"), json!([]), json!({})] {
            if !allowed.contains(&type_of(&value)) {
                assert!(!accepts(name, Some(value.clone())), "{value} in {name}");
            }
        }
        for choice in choices {
            for (value, is_allowed) in borders(choice, free.contains(&name.as_str())) {
                let shown = value.to_string();
                assert_eq!(accepts(name, Some(value)), is_allowed, "{shown:.80} in {name}");
            }
        }
    }
}

/// Values at the limits of a schema and beyond them, with the schema's judgement.
fn borders(schema: &Value, is_free: bool) -> Vec<(Value, bool)> {
    let limit = |name: &str| schema[name].as_u64();
    if let Some(names) = schema["enum"].as_array() {
        let named = names.iter().map(|name| (name.clone(), true));
        return named.chain([(json!("none_of_them"), false)]).collect();
    }
    match types(schema).first().copied() {
        Some("integer") => {
            let (least, most) = (limit("minimum").expect("one"), limit("maximum").expect("one"));
            let below = i64::try_from(least).expect("small") - 1;
            let beyond = [(json!(below), false), (json!(most + 1), false)];
            [(json!(least), true), (json!(most), true)].into_iter().chain(beyond).collect()
        }
        Some("string") if schema["format"] == "date-time" => vec![(json!("tomorrow"), false)],
        Some("string") if !is_free => {
            let (least, most) =
                (limit("minLength").expect("one"), limit("maxLength").expect("one"));
            let letters = |count: u64| json!("1".repeat(count.try_into().expect("small")));
            let beyond = [(letters(least - 1), false), (letters(most + 1), false)];
            [(letters(least), true), (letters(most), true)].into_iter().chain(beyond).collect()
        }
        _ => Vec::new(),
    }
}
