//! Names of the settings.

/// The environment variable that names the configuration file.
pub(super) const FILE_VARIABLE: &str = "SMS_CONFIG";
/// The prefix of every variable.
pub(super) const PREFIX: &str = "SMS_";

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::enum_variant_names, reason = "the name of the setting is secret_key")]
pub(crate) enum Key {
    Store,
    StoreWaitSeconds,
    Queue,
    Provider,
    Listen,
    MetricsListen,
    PublicUrl,
    Label,
    MaskNumbers,
    TrustedProxies,
    Roles,
    Admin,
    SecretKey,
    Region,
    TimeZone,
    RetentionDays,
    TextRetentionDays,
    Concurrency,
    Log,
    LogFormat,
    LogFile,
    LogRotate,
    LogMaxFiles,
    LogMaxMb,
}

impl Key {
    /// Every setting, in the order of `config check`.
    pub(crate) const ALL: [Self; 23] = [
        Self::Store,
        Self::StoreWaitSeconds,
        Self::Queue,
        Self::Provider,
        Self::Listen,
        Self::MetricsListen,
        Self::PublicUrl,
        Self::Label,
        Self::MaskNumbers,
        Self::TrustedProxies,
        Self::Roles,
        Self::Admin,
        Self::SecretKey,
        Self::Region,
        Self::TimeZone,
        Self::RetentionDays,
        Self::TextRetentionDays,
        Self::Concurrency,
        Self::Log,
        Self::LogFormat,
        Self::LogFile,
        Self::LogRotate,
        Self::LogMaxFiles,
        Self::LogMaxMb,
    ];

    /// The name in a file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::StoreWaitSeconds => "store_wait_seconds",
            Self::Queue => "queue",
            Self::Provider => "provider",
            Self::Listen => "listen",
            Self::MetricsListen => "metrics_listen",
            Self::PublicUrl => "public_url",
            Self::Label => "label",
            Self::MaskNumbers => "mask_numbers",
            Self::TrustedProxies => "trusted_proxies",
            Self::Roles => "roles",
            Self::Admin => "admin_key",
            Self::SecretKey => "secret_key",
            Self::Region => "region",
            Self::TimeZone => "timezone",
            Self::RetentionDays => "retention_days",
            Self::TextRetentionDays => "text_retention_days",
            Self::Concurrency => "concurrency",
            Self::Log => "log",
            Self::LogFormat => "log_format",
            Self::LogFile => "log_file",
            Self::LogRotate => "log_rotate",
            Self::LogMaxFiles => "log_max_files",
            Self::LogMaxMb => "log_max_mb",
        }
    }

    /// The setting of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Tells whether the value may hold a secret. Then it can be in a file, named by `SMS_…_FILE`.
    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Self::Store | Self::Queue | Self::Provider | Self::Admin | Self::SecretKey)
    }
}

/// The environment variable of a setting.
pub(crate) fn variable(key: Key) -> String {
    format!("{PREFIX}{}", key.name().to_uppercase())
}

/// The known name that was probably meant: it differs in two letters at most, in a short name in
/// one.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = if name.len() < 5 { 1 } else { 2 };
    let distance = |known: &str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let near = known
        .into_iter()
        .map(|known| (distance(known), known))
        .filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}
