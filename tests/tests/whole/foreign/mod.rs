//! Programs by others that speak our protocols: Mosquitto's clients and libcoap's.

mod bridge;
mod coap;
mod mqtt;

/// As `mosquitto_sub -F %x` prints it.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
