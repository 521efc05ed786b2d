//! Identifiers and the CREATE INDEX shape.
