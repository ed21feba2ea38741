//! Who may call: by API id, by login and password, or by the token of old clients.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use sha2::{Digest, Sha512};

use crate::simulator::config::SimulatorConfig;
use crate::simulator::http::params::Params;

const TOKEN_LIFE_MS: i64 = 600_000;

/// The tokens handed out: when each ends, and the address it is for.
#[derive(Debug, Default)]
pub(crate) struct Tokens(HashMap<String, (i64, IpAddr)>);

impl Tokens {
    pub(crate) fn issue(&mut self, luck: &mut fastrand::Rng, now_ms: i64, peer: IpAddr) -> String {
        self.0.retain(|_, (ends_ms, _)| *ends_ms > now_ms);
        let token = format!("{:032x}", luck.u128(..));
        self.0.insert(token.clone(), (now_ms + TOKEN_LIFE_MS, peer));
        token
    }

    fn holds(&self, token: &str, now_ms: i64, peer: IpAddr) -> bool {
        self.0.get(token).is_some_and(|(ends_ms, owner)| *ends_ms > now_ms && *owner == peer)
    }
}

/// The code that keeps a caller out.
///
/// # Errors
///
/// 200 for an API id that is wrong or absent, 300 for a token, 301 for a login or password, 302 for
/// an account that is not confirmed.
pub(crate) fn check(
    config: &SimulatorConfig,
    tokens: &Tokens,
    params: &Params,
    now_ms: i64,
    peer: IpAddr,
) -> Result<(), i32> {
    // The official PHP library sends the word none in place of an API id when it has a login.
    let api_id = params.get("api_id").filter(|api_id| *api_id != "none");
    match (params.get("login"), api_id) {
        (Some(login), _) if params.get("password").is_some() || params.get("token").is_some() => {
            let (own, password) = config.login.as_ref().ok_or(301)?;
            let known = own == login && signed(config, password, tokens, params, now_ms, peer)?;
            known.then_some(()).ok_or(301)?;
        }
        (_, Some(api_id)) if api_id == config.api_id => {}
        _ => return Err(200),
    }
    if config.confirmed { Ok(()) } else { Err(302) }
}

/// Whether the caller knows the password: it shows it, or its hash with a token.
fn signed(
    config: &SimulatorConfig,
    password: &str,
    tokens: &Tokens,
    params: &Params,
    now_ms: i64,
    peer: IpAddr,
) -> Result<bool, i32> {
    let Some(token) = params.get("token") else {
        return Ok(params.get("password") == Some(password));
    };
    if !tokens.holds(token, now_ms, peer) {
        return Err(300);
    }
    let shown = params.get("sha512").unwrap_or_default().to_ascii_lowercase();
    let plain = format!("{password}{token}");
    let with_api_id = format!("{plain}{}", config.api_id);
    Ok([plain, with_api_id].iter().any(|signed| hex(&Sha512::digest(signed)) == shown))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
