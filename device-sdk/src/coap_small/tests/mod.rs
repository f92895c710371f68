//! The client for boards against another implementation of CoAP, coap-lite: message by message, and
//! as a gateway that loses, repeats, delays and refuses.

mod conversations;
mod messages;
mod rules;
