//! The table: how it is made, and its two indexes.
//!
//! | item | pk, sk | holds |
//! |---|---|---|
//! | record | `R=id`, `#` | `v w doc`; `due gsh` if it is due; `gst since` if Connect does not follow, or who is remembered |
//! | a key that one has | `K#key`, `#` | `holder`; `gone`, who went by it and left: JSON, id → time |
//! | a key that several have | `S#key`, id | – |
//! | the living in their order | `L#users`, time and id | `id` |
//! | how many came on a day, in a minute | `C#days`, day and shard; `C#` day, minute and shard | `n` |
//! | who is parked | `P`, id | `doc`: whether held, whether living |
//! | group | `G=id`, `#` | `v w doc n`; `owes` |
//! | its place and its keys | `L#groups`; `K#key`, `#`; `S#key`, time and id | `id` |
//! | a member, and back | `M=group`, number; `B=member`, group | `doc`; `doc n` |
//! | what a group owes | `J`, group; `J#` nonce, number | `who doc`; `doc ttl` |
//! | an event | `E=event`, `#` | `at ttl` |
//! | notes | `N`, `removals`, `losses`, `paused`, `drain`, `backlog` | – |

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ScalarAttributeType, TableStatus,
    TimeToLiveSpecification,
};
use tokio::time::sleep;

use super::item::name;
use crate::roster::RosterError;

/// So long and so often it is waited for a table that is just being made.
const MOMENT: Duration = Duration::from_secs(1);
const MOMENTS: usize = 120;

/// The index of what is due.
pub(super) const DUE: &str = "due";

/// The index of the states in which Connect does not follow, or which are remembered.
pub(super) const STATE: &str = "state";

/// Makes the table, where no template does.
///
/// It has its indexes, is swept by `ttl`, protected against deletion, and restorable to any second of the
/// last 35 days, as far as there is such a thing where it is made.
///
/// # Errors
/// If there is one of this name, or it cannot be made.
pub async fn create_table(client: &Client, table: &str) -> Result<(), RosterError> {
    let request = client.create_table().table_name(table);
    let request = [
        (name::PK, ScalarAttributeType::S),
        (name::SK, ScalarAttributeType::S),
        (name::DUE_SHARD, ScalarAttributeType::S),
        (name::DUE, ScalarAttributeType::N),
        (name::STATE, ScalarAttributeType::S),
        (name::SINCE, ScalarAttributeType::N),
    ]
    .into_iter()
    .try_fold(request, |request, (name, of)| {
        let own = AttributeDefinition::builder().attribute_name(name).attribute_type(of).build()?;
        Ok(request.attribute_definitions(own))
    })
    .map_err(unbuilt)?;
    let request = request
        .set_key_schema(Some(keys(name::PK, name::SK).map_err(unbuilt)?))
        .global_secondary_indexes(index(DUE, name::DUE_SHARD, name::DUE).map_err(unbuilt)?)
        .global_secondary_indexes(index(STATE, name::STATE, name::SINCE).map_err(unbuilt)?)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(true);
    request.send().await.map_err(|error| refused(&error))?;
    until_active(client, table).await?;
    let ttl = TimeToLiveSpecification::builder().attribute_name(name::TTL).enabled(true);
    let ttl = ttl.build().map_err(unbuilt)?;
    let request = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    request.send().await.map_err(|error| refused(&error))?;
    let restorable = PointInTimeRecoverySpecification::builder();
    let restorable = restorable.point_in_time_recovery_enabled(true).build().map_err(unbuilt)?;
    let request = client.update_continuous_backups().table_name(table);
    match request.point_in_time_recovery_specification(restorable).send().await {
        Ok(_) => Ok(()),
        // An engine on a desk.
        Err(error) if error.code() == Some("UnknownOperationException") => Ok(()),
        Err(error) => Err(refused(&error)),
    }
}

/// A table that is just being made takes nothing yet.
async fn until_active(client: &Client, table: &str) -> Result<(), RosterError> {
    for _ in 0..MOMENTS {
        let told = client.describe_table().table_name(table).send().await;
        let told = told.map_err(|error| refused(&error))?.table;
        if told.and_then(|table| table.table_status) == Some(TableStatus::Active) {
            return Ok(());
        }
        sleep(MOMENT).await;
    }
    Err(RosterError::NotDone("DynamoDB: the table is still being made; wait for it".to_owned()))
}

fn keys(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    let key =
        |name: &str, of| KeySchemaElement::builder().attribute_name(name).key_type(of).build();
    Ok(vec![key(partition, KeyType::Hash)?, key(sort, KeyType::Range)?])
}

fn index(name: &str, partition: &str, sort: &str) -> Result<GlobalSecondaryIndex, BuildError> {
    let only_keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder().index_name(name).projection(only_keys);
    index.set_key_schema(Some(keys(partition, sort)?)).build()
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unbuilt(error: BuildError) -> RosterError {
    RosterError::NotDone(format!("DynamoDB: {error}"))
}

/// What DynamoDB said, or that it said nothing: who reads this is an operator who asked for a table.
fn refused(error: &SdkError<impl ProvideErrorMetadata>) -> RosterError {
    let text = match (error.code(), error.message()) {
        (Some("ResourceInUseException"), _) => "there is a table of this name already".to_owned(),
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => "no answer; look at the Region, the credentials and the network".to_owned(),
    };
    RosterError::NotDone(format!("DynamoDB: {text}"))
}
