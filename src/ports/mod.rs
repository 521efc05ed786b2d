//! Traits between the engine and the world.
