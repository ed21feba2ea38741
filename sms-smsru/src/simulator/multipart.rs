//! Parser of `multipart/form-data`. Old PHP samples of sms.ru send it.

/// Returns the boundary if the content type is `multipart/form-data`.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary =
        parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    Some(boundary.trim_matches('"')).filter(|boundary| !boundary.is_empty())
}

/// Returns the fields in order. Other parts are skipped.
pub(crate) fn fields<'a>(body: &'a [u8], boundary: &str) -> Vec<(String, &'a [u8])> {
    // The first delimiter has no line break before it.
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => match find(body, delimiter.as_bytes()) {
            Some(at) => &body[at + delimiter.len()..],
            None => return Vec::new(),
        },
    };
    let mut fields = Vec::new();
    while let Some(end) = find(rest, delimiter.as_bytes()) {
        fields.extend(field(&rest[..end]));
        rest = &rest[end + delimiter.len()..];
    }
    fields
}

fn field(part: &[u8]) -> Option<(String, &[u8])> {
    let middle = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..middle]);
    let name =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = name.split(';').find_map(|parameter| parameter.trim().strip_prefix("name="))?;
    Some((name.trim_matches('"').to_owned(), &part[middle + 4..]))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
