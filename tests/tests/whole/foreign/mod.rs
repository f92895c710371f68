//! Programs by others: Mosquitto's clients, Paho, mqtt.js and libcoap's at our doors, OpenSSL and
//! pkilint at our certificates.

mod bridge;
mod by_openssl;
mod certificates;
mod clients;
mod coap;
mod mqtt;

/// As `mosquitto_sub -F %x` prints it.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
