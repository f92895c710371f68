//! The MQTT door: TLS, sessions, and the codec between them.
