//! YAML texts as trees that remember where everything stands.
