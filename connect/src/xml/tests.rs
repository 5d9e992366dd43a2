//! Reading and writing XML.
