//! The least that a Lambda function in Rust can be which calls CreateUser by the AWS SDK, for
//! comparison: the same HTTP client, and no question asked of the event.

use aws_sdk_connect::Client;
use aws_sdk_connect::types::UserIdentityInfo;
use connect_provisioner::lambda::loader;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = &Client::new(&loader("us-east-1").load().await);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| answer(client, event).await))
        .await
}

async fn answer(client: &Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let text = |name: &str| event.payload.get(name).and_then(Value::as_str).map(str::to_owned);
    let info = UserIdentityInfo::builder().first_name("Ana").last_name("Ruiz").build();
    let created = client
        .create_user()
        .set_instance_id(text("instance"))
        .set_username(text("username"))
        .identity_info(info)
        .set_routing_profile_id(text("routingProfile"))
        .set_security_profile_ids(text("securityProfile").map(|id| vec![id]))
        .send()
        .await?;
    Ok(json!({"statusCode": 201, "userId": created.user_id}))
}
