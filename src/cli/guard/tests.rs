//! Whole folders, as the command reads them.
