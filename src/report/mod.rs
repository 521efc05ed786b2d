//! Journal and events for people and pipelines: plain lines, JSON Lines, Markdown.
