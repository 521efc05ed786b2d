//! Journal, run folder, file lock.
