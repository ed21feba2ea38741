//! Parts of texts, by the vectors that the web UI reads, too.

use serde_json::Value;
use sms_core::message::text;

const VECTORS: &str = include_str!("../vectors/segments.json");

#[test]
fn texts_have_the_parts_of_the_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    assert!(vectors.len() > 50, "{}", vectors.len());
    for vector in vectors {
        let runs = vector["text"].as_array().expect("a list");
        let run = |run: &Value| {
            let times = run[1].as_u64().and_then(|times| usize::try_from(times).ok());
            run[0].as_str().expect("a text").repeat(times.expect("a number"))
        };
        let text: String = runs.iter().map(run).collect();
        let lengths: Vec<u64> = vector["lengths"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        let counted = text::count(&text);
        let found = (counted.encoding.as_str(), counted.parts, counted.units as u64);
        let encoding = vector["encoding"].as_str().expect("a name");
        assert_eq!(found, (encoding, lengths.len(), lengths.iter().sum()), "{vector}");
    }
}
