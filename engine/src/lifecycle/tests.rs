//! What the life of a connection promises, on every kind of database.
