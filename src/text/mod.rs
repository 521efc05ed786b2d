//! Untrusted text made safe, units for people, cell widths.
