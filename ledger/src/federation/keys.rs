//! Whose key is whose, among gateways and their things.

use super::store::{homes, peers};
use super::terms::Place;
use crate::evidence::Owned;
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::objects::{Object, Pass};
use protocol::rules::trust::may_issue;
use protocol::{Code, Network, PublicKey, Status};

/// What a pass says that was checked before it was kept.
pub(crate) fn peek(desk: &Desk, pass: &[u8]) -> Result<Pass, Status> {
    Ok(*open::<Pass>(pass, &desk.bearings.network)?.peek())
}

/// The signed pass of a gateway that is known here, this one included.
pub(crate) async fn gateway_pass(desk: &mut Desk, code: &Code) -> Result<Vec<u8>, Failure> {
    if *code == desk.bearings.gateway {
        return Ok(desk.bearings.gateway_pass.clone());
    }
    let peer = peers::peer(&mut desk.connection, code).await?;
    Ok(peer.ok_or(Status::UnknownGateway)?.pass)
}

/// What that pass says.
pub(crate) async fn gateway(desk: &mut Desk, code: &Code) -> Result<Pass, Failure> {
    let pass = gateway_pass(desk, code).await?;
    Ok(peek(desk, &pass)?)
}

/// The key of a gateway that is known here.
pub(crate) async fn gateway_key(desk: &mut Desk, code: &Code) -> Result<PublicKey, Failure> {
    if *code == desk.bearings.gateway {
        return Ok(desk.bearings.signer.public_key());
    }
    Ok(gateway(desk, code).await?.key.0)
}

/// An object signed by a gateway that is known here.
pub(crate) async fn by_gateway<T: Object>(
    desk: &mut Desk,
    signed: &[u8],
    signer: impl FnOnce(&T) -> Code,
) -> Result<Owned<T>, Failure> {
    let network = desk.bearings.network;
    let code = signer(open::<T>(signed, &network)?.peek());
    let key = gateway_key(desk, &code).await?;
    // Read again: what was read before must not be held over a wait.
    Ok(Owned::from(open::<T>(signed, &network)?.verify(&key)?))
}

/// An object of the centre.
pub(crate) async fn by_centre<T: Object>(
    desk: &mut Desk,
    signed: &[u8],
    signer: impl Fn(&T) -> Code,
) -> Result<Owned<T>, Failure> {
    let Place::Under(centre) = desk.place else {
        return Err(Status::NotPermitted.into());
    };
    let object = by_gateway(desk, signed, &signer).await?;
    if signer(object.get()) != centre {
        return Err(Status::NotPermitted.into());
    }
    Ok(object)
}

/// The pass of a thing, signed by a station that is known here.
pub(crate) async fn thing(desk: &mut Desk, pass: &[u8]) -> Result<Pass, Failure> {
    let network = desk.bearings.network;
    let by = open::<Pass>(pass, &network)?.peek().issuer.0;
    let station = gateway(desk, &by).await?;
    Ok(given_by(&station, &network, pass)?)
}

/// The pass of a thing, if this station may give it.
pub(crate) fn given_by(station: &Pass, network: &Network, pass: &[u8]) -> Result<Pass, Status> {
    let pass = *open::<Pass>(pass, network)?.verify(&station.key.0)?.get();
    if !station.rights.permits(pass.rights) || !may_issue(station, &pass.subject.0) {
        return Err(Status::NotPermitted);
    }
    Ok(pass)
}

/// The wallet key of a thing: from the registry, or from a pass that came along.
pub(crate) async fn wallet_key(
    desk: &mut Desk,
    code: &Code,
    pass: &[u8],
) -> Result<PublicKey, Failure> {
    if let Some(thing) = crate::store::things::thing(&mut desk.connection, code).await? {
        return Ok(thing.wallet_key);
    }
    if let Some(pass) = homes::pass_of(&mut desk.connection, code).await? {
        return Ok(peek(desk, &pass)?.key.0);
    }
    if pass.is_empty() {
        return Err(Status::UnknownCode.into());
    }
    let pass = thing(desk, pass).await?;
    if pass.subject.0 != *code {
        return Err(Status::NotForYou.into());
    }
    Ok(pass.key.0)
}
