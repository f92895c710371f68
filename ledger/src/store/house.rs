//! Whose books these are.

use super::Connection;
use crate::bearings::Bearings;
use crate::error::OpenError;
use protocol::KeyEpoch;

/// The gateway epoch that these books have seen; none for new books.
pub(crate) async fn epoch(connection: &mut Connection) -> super::Result<Option<KeyEpoch>> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT gateway_epoch FROM house")
        .fetch_optional(connection)
        .await?;
    let key = super::row::Row {
        table: "house",
        key: &1,
    };
    Ok(row.map(|(epoch,)| key.key_epoch(epoch)).transpose()?)
}

/// Writes the owner into new books; refuses books of another gateway or network, and a gateway epoch
/// that has already passed.
pub(crate) async fn claim(
    connection: &mut Connection,
    bearings: &Bearings,
) -> Result<(), OpenError> {
    let claimed = sqlx::query(
        "INSERT INTO house (id, network, gateway, gateway_epoch) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET gateway_epoch = excluded.gateway_epoch
         WHERE house.network = excluded.network AND house.gateway = excluded.gateway
           AND house.gateway_epoch <= excluded.gateway_epoch",
    )
    .bind(bearings.network.as_str())
    .bind(bearings.gateway.as_bytes().as_slice())
    .bind(i64::from(bearings.gateway_epoch.0))
    .execute(connection)
    .await?;
    match claimed.rows_affected() {
        1 => Ok(()),
        _ => Err(OpenError::Foreign),
    }
}
