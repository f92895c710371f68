//! The OneCode gateway: MQTT, CoAP and HTTP doors in one binary.
