//! Authorities, certificates and passes of OneCode.
