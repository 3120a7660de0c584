//! The client of DynamoDB.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;

/// One try of one call takes so long at most. DynamoDB answers in milliseconds; a try that takes longer
/// is lost, and another is sooner answered.
const TRY: Duration = Duration::from_secs(1);

/// A client with the credentials, Region and endpoint of a configuration.
///
/// It tries everything once: the roster itself tries again, since of every single try it has to know what may have come of it. By
/// itself the SDK would wait a second and two between its tries, would try no conflict again, and would
/// try nothing at all once all clients of the process had failed for a while.
#[must_use]
pub fn client(config: &SdkConfig) -> Client {
    let limits = TimeoutConfig::builder().connect_timeout(TRY).operation_attempt_timeout(TRY);
    let own = Builder::from(config).retry_config(RetryConfig::disabled());
    Client::from_conf(own.timeout_config(limits.build()).build())
}
