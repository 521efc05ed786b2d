//! A value that must never be printed, logged or stored.

/// A password. It has neither `Debug` nor `Display` nor serde on purpose: a type that holds one cannot derive them
/// either, so that a secret reaches a log only by a call of [`Secret::reveal`] that a reviewer can find.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it to the server.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
