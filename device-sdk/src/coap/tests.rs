//! The client against a gateway made by hand, which loses, delays and lies.

use super::block::{Block, BlockSize};
use super::{Answer, AnswerCode, Client, Error, Request, Settings, Timing, wire};
use coap_lite::{CoapOption, MessageClass, MessageType, Packet, ResponseType};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Answers each datagram with what `script` gives, and counts them for it.
struct Fake {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn fake(mut script: impl FnMut(u32, &Packet) -> Vec<Vec<u8>> + Send + 'static) -> Fake {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let mut count = 0;
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let packet = wire::read(&buffer[..length]).unwrap();
            for answer in script(count, &packet) {
                socket.send_to(&answer, from).await.unwrap();
            }
            count += 1;
        }
    });
    Fake { address, task }
}

fn client(gateway: SocketAddr) -> Client {
    let timing = Timing {
        ack_timeout: Duration::from_millis(50),
        ..Timing::NEARBY
    };
    let settings = Settings {
        gateway,
        identity: None,
        timing,
    };
    Client::new(settings).unwrap()
}

fn content(request: &Packet, kind: MessageType, message_id: u16) -> Packet {
    let code = MessageClass::Response(ResponseType::Content);
    let mut packet = wire::bare(kind, code, message_id);
    packet.set_token(request.get_token().to_vec());
    packet
}

fn with_payload(request: &Packet, payload: &[u8]) -> Vec<u8> {
    let id = request.header.message_id;
    let mut packet = content(request, MessageType::Acknowledgement, id);
    packet.payload = payload.to_vec();
    wire::write(&packet).unwrap()
}

async fn get(client: &Client) -> Result<Answer, Error> {
    let request = client.request(Request::get("a/b").query("c=d"));
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, request).await.unwrap()
}

#[tokio::test]
async fn lost_requests_are_repeated_until_answered() {
    let fake = fake(|count, request| match count {
        0 | 1 => vec![],
        _ => vec![with_payload(request, b"at last")],
    })
    .await;
    let answer = get(&client(fake.address)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CONTENT);
    assert_eq!(answer.payload, b"at last");
}

#[tokio::test]
async fn an_answer_may_come_after_the_acknowledgement_and_more_than_once() {
    let fake = fake(|count, request| {
        if count > 0 {
            assert_eq!(request.header.get_type(), MessageType::Acknowledgement);
            return vec![];
        }
        let id = request.header.message_id;
        let late = content(request, MessageType::Confirmable, 9);
        let late = wire::write(&late).unwrap();
        let empty = wire::empty(MessageType::Acknowledgement, id);
        vec![empty, late.clone(), late]
    })
    .await;
    assert!(get(&client(fake.address)).await.is_ok());
}

#[tokio::test]
async fn a_closed_port_is_noticed_at_once() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let began = Instant::now();
    assert_eq!(get(&client(address)).await, Err(Error::Unreachable));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn answers_of_others_are_not_taken() {
    let fake = fake(|_, request| {
        let mut other = content(request, MessageType::Acknowledgement, 1);
        other.set_token(vec![1, 2, 3]);
        vec![wire::write(&other).unwrap(), b"noise".to_vec()]
    })
    .await;
    assert_eq!(get(&client(fake.address)).await, Err(Error::Unreachable));
}

/// One block of 64 bytes of a body that never ends.
fn piece(request: &Packet, etag: u8, size: BlockSize) -> Vec<u8> {
    let value = request.get_first_option(CoapOption::Block2);
    let number = value.map_or(0, |value| Block::read(value).unwrap().number);
    let id = request.header.message_id;
    let mut packet = content(request, MessageType::Acknowledgement, id);
    packet.add_option(CoapOption::ETag, vec![etag]);
    let more = true;
    let block = Block { number, more, size };
    packet.add_option(CoapOption::Block2, block.write());
    packet.payload = vec![7; size.bytes()];
    wire::write(&packet).unwrap()
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let fake = fake(|_, request| vec![piece(request, 1, BlockSize::LARGEST)]).await;
    assert_eq!(get(&client(fake.address)).await, Err(Error::TooLarge));
}

#[tokio::test]
async fn an_answer_that_keeps_changing_is_given_up() {
    let fake = fake(|count, request| vec![piece(request, count as u8, BlockSize::SMALLEST)]).await;
    assert_eq!(get(&client(fake.address)).await, Err(Error::Protocol));
}

#[tokio::test]
async fn a_gateway_may_ask_for_smaller_blocks() {
    let fake = fake(|_, request| {
        let value = request.get_first_option(CoapOption::Block1).unwrap();
        let block = Block::read(value).unwrap();
        let small = BlockSize::fitting(64).unwrap();
        let code = match (block.size > small, block.more) {
            (true, _) => ResponseType::RequestEntityTooLarge,
            (false, true) => ResponseType::Continue,
            (false, false) => {
                assert_eq!(block.offset() + request.payload.len(), 3000);
                ResponseType::Changed
            }
        };
        let id = request.header.message_id;
        let mut packet = content(request, MessageType::Acknowledgement, id);
        packet.header.code = MessageClass::Response(code);
        let size = block.size.min(small);
        packet.add_option(CoapOption::Block1, Block { size, ..block }.write());
        vec![wire::write(&packet).unwrap()]
    })
    .await;
    let post = Request::post("a", wire::OCTETS, vec![1; 3000]);
    let answer = client(fake.address).request(post).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
}

#[test]
fn codes_are_written_as_people_write_them() {
    for (code, text) in [(0x44, "2.04"), (0x83, "4.03"), (0xa3, "5.03")] {
        assert_eq!(AnswerCode(code).to_string(), text);
        assert_eq!(AnswerCode(code).is_success(), text.starts_with('2'));
    }
}
