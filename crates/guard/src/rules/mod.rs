//! Rules found by contrast, and their life.
