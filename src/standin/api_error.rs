//! What Connect says no with: the error's name and status, and the sentence that goes with it.
//!
//! Names and statuses are those of the service model and of AWS's "Common Errors" pages. On the
//! wire the name is the header `x-amzn-errortype`, the sentence the body's `Message`.

use hyper::StatusCode;

/// One row per error: our word for it, its name on the wire, its status.
macro_rules! codes {
    ($($code:ident $name:literal $status:ident)*) => {
        /// An error that Amazon Connect, or the AWS front door before it, answers with.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum ErrorCode {
            $($code,)*
        }

        impl ErrorCode {
            /// Every error there is, in the order of the table.
            pub(super) const ALL: &[Self] = &[$(Self::$code),*];

            /// The name on the wire.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$code => $name),* }
            }

            /// The HTTP status that goes with the name.
            pub(super) fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status),* }
            }
        }
    };
}

codes! {
    AccessDenied          "AccessDeniedException"               FORBIDDEN
    ConditionFailed       "ConditionalOperationFailedException" CONFLICT
    DuplicateResource     "DuplicateResourceException"          CONFLICT
    ExpiredToken          "ExpiredTokenException"               FORBIDDEN
    IncompleteSignature   "IncompleteSignatureException"        FORBIDDEN
    InternalFailure       "InternalFailure"                     INTERNAL_SERVER_ERROR
    InternalService       "InternalServiceException"            INTERNAL_SERVER_ERROR
    InvalidClientTokenId  "InvalidClientTokenId"                FORBIDDEN
    InvalidParameter      "InvalidParameterException"           BAD_REQUEST
    InvalidRequest        "InvalidRequestException"             BAD_REQUEST
    InvalidSignature      "InvalidSignatureException"           FORBIDDEN
    LimitExceeded         "LimitExceededException"              TOO_MANY_REQUESTS
    MissingAuthentication "MissingAuthenticationTokenException" FORBIDDEN
    MissingToken          "MissingAuthenticationToken"          FORBIDDEN
    NoSignature           "IncompleteSignature"                 BAD_REQUEST
    NotAuthorized         "NotAuthorized"                       UNAUTHORIZED
    OldThrottling         "Throttling"                          BAD_REQUEST
    OptInRequired         "OptInRequired"                       FORBIDDEN
    RequestExpired        "RequestExpired"                      BAD_REQUEST
    RequestTimeout        "RequestTimeoutException"             REQUEST_TIMEOUT
    ResourceConflict      "ResourceConflictException"           CONFLICT
    ResourceNotFound      "ResourceNotFoundException"           NOT_FOUND
    Serialization         "SerializationException"              BAD_REQUEST
    ServiceQuotaExceeded  "ServiceQuotaExceededException"       PAYMENT_REQUIRED
    ServiceUnavailable    "ServiceUnavailable"                  SERVICE_UNAVAILABLE
    Throttling            "ThrottlingException"                 TOO_MANY_REQUESTS
    TooManyRequests       "TooManyRequestsException"            TOO_MANY_REQUESTS
    UnknownOperation      "UnknownOperationException"           NOT_FOUND
    UnrecognizedClient    "UnrecognizedClientException"         FORBIDDEN
    ValidationError       "ValidationError"                     BAD_REQUEST
}

impl ErrorCode {
    /// Status and name: `429 ThrottlingException`.
    pub(super) fn shown(self) -> String {
        format!("{} {}", self.status().as_u16(), self.name())
    }

    /// This error with its sentence.
    pub(super) fn because(self, message: impl Into<String>) -> ApiError {
        ApiError { code: self, message: message.into() }
    }

    /// This error unless `holds`: `InvalidParameter.unless(name.len() <= 100, "…")?`.
    pub(super) fn unless(self, holds: bool, message: impl Into<String>) -> Result<(), ApiError> {
        if holds { Ok(()) } else { Err(self.because(message)) }
    }
}

/// An error as it goes out.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct ApiError {
    /// Which error.
    pub(super) code: ErrorCode,
    /// The body's `Message`.
    pub(super) message: String,
}
