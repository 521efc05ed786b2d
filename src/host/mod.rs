//! This machine: clock, ids, disk space, backup probes.
