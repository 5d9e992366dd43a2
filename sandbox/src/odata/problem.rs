//! What can be wrong with a request, and the error body each flavour answers with.

use serde_json::{Value as Json, json};

use super::Flavour;

/// A request that cannot be answered.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code of the SAP message class.
    code: &'static str,
    /// What is wrong, for a person.
    message: String,
    /// The property that is wrong.
    target: String,
    /// What was wrong with it.
    about: About,
}

/// What a problem is about, which Dynamics tells by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The address.
    Address,
    /// The body.
    Body,
    /// What the system's own rules say of the values.
    Rules,
}

impl Problem {
    /// The set or the part of the path does not exist.
    pub(crate) fn segment(name: &str) -> Self {
        let message = format!("Resource not found for the segment '{name}'.");
        Self {
            status: 404,
            code: "005056A509B11EE1B9A8FEC11C21D78E",
            message,
            target: String::new(),
            about: About::Address,
        }
    }

    /// There is no row with the key.
    pub(crate) fn no_row(set: &str) -> Self {
        let message = format!("Resource not found for segment '{set}'");
        Self {
            status: 404,
            code: "/IWBEP/CM_MGW_RT/020",
            message,
            target: String::new(),
            about: About::Address,
        }
    }

    /// The type has no such property.
    pub(crate) fn property(name: &str, type_name: &str) -> Self {
        let message = format!("Could not find a property named '{name}' on type '{type_name}'.");
        Self::bad(message)
    }

    /// The request is not valid.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "/IWBEP/CM_MGW_RT/022",
            message: message.into(),
            target: String::new(),
            about: About::Address,
        }
    }

    /// The body of the request is not valid.
    pub(crate) fn body_wrong(message: impl Into<String>) -> Self {
        Self {
            about: About::Body,
            ..Self::bad(message)
        }
    }

    /// A rule of the system forbids what was asked.
    pub(crate) fn rule(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            about: About::Rules,
            ..Self::bad(message)
        }
    }

    /// Words a broken rule as the log of Dynamics does for a write to an entity.
    pub(crate) fn in_entity(self, entity: &str) -> Self {
        if self.about != About::Rules {
            return self;
        }
        let message = format!(
            "Write failed for table row of type '{entity}'. Infolog: Error: {}",
            self.message
        );
        Self { message, ..self }
    }

    /// Names the property that is wrong.
    pub(crate) fn at(self, target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ..self
        }
    }

    /// The client did not say which version it means to change.
    pub(crate) fn version_missing() -> Self {
        Self {
            status: 428,
            code: "/IWBEP/CM_MGW_RT/194",
            ..Self::body_wrong("Precondition required: the request needs an If-Match header")
        }
    }

    /// The client means another version than there is.
    pub(crate) fn version_differs() -> Self {
        Self {
            status: 412,
            code: "/IWBEP/CM_MGW_RT/195",
            ..Self::body_wrong("Precondition failed: the entity was changed in the meantime")
        }
    }

    /// The body is in a form that is not read.
    pub(crate) fn media_type() -> Self {
        Self {
            status: 415,
            ..Self::body_wrong("The content type of the request is not supported")
        }
    }

    /// The method is not offered on the resource.
    pub(crate) fn method() -> Self {
        let message = "Method not allowed for this resource".to_owned();
        Self {
            status: 405,
            code: "/IWBEP/CM_MGW_RT/096",
            message,
            target: String::new(),
            about: About::Address,
        }
    }

    /// The user may not read the set. SAP's sources say that it is a 403, not with which code; Dynamics answers with the
    /// status of a missing token.
    pub(crate) fn denied(flavour: Flavour, set: &str) -> Self {
        let status = if flavour == Flavour::Dynamics { 401 } else { 403 };
        let message = match flavour {
            Flavour::Dynamics => format!("The user is not authorized to perform the 'Read' operation on '{set}'."),
            _ => format!("You are not authorized to read the entity set '{set}'"),
        };
        Self {
            status,
            code: "/IWBEP/CM_MGW_RT/021",
            message,
            target: String::new(),
            about: About::Address,
        }
    }

    /// Returns the body of the error as the flavour writes it.
    pub(crate) fn body(&self, flavour: Flavour, service: &str) -> Json {
        match flavour {
            Flavour::SapV2 => self.sap_v2(service),
            Flavour::SapV4 => self.sap_v4(service),
            Flavour::Dynamics => self.dynamics(),
            Flavour::Standard(standard) if standard.is_v2 => {
                json!({"error": {"code": self.status.to_string(), "message": {"lang": "en-US", "value": self.message}}})
            }
            Flavour::Standard(_) => json!({"error": {
                "code": self.status.to_string(),
                "message": self.message,
                "target": if self.target.is_empty() { Json::Null } else { json!(self.target) },
            }}),
        }
    }

    fn sap_v2(&self, service: &str) -> Json {
        let severity = json!("error");
        json!({"error": {
            "code": self.code,
            "message": {"lang": "en", "value": self.message},
            "innererror": {
                "application": {
                    "component_id": "",
                    "service_namespace": "/SAP/",
                    "service_id": service,
                    "service_version": "0001",
                },
                "transactionid": TRANSACTION,
                "timestamp": TIMESTAMP,
                "Error_Resolution": {
                    "SAP_Transaction": "Run transaction /IWFND/ERROR_LOG for more details",
                },
                "errordetails": [{
                    "code": self.code,
                    "message": self.message,
                    "propertyref": self.target,
                    "severity": severity,
                    "target": self.target,
                }],
            },
        }})
    }

    fn sap_v4(&self, service: &str) -> Json {
        json!({"error": {
            "code": self.code,
            "message": self.message,
            "target": self.target,
            "@SAP__common.ExceptionCategory": "Client_Error",
            "innererror": {
                "ErrorDetails": {
                    "@SAP__common.Application": {
                        "ComponentId": "",
                        "ServiceRepository": "SRVD_A2X",
                        "ServiceId": service,
                        "ServiceVersion": "0001",
                    },
                    "@SAP__common.TransactionId": TRANSACTION,
                    "@SAP__common.Timestamp": TIMESTAMP,
                },
            },
        }})
    }

    fn dynamics(&self) -> Json {
        if self.status == 404 {
            return json!({"error": {"code": "", "message": self.message}});
        }
        if self.status == 401 {
            return json!({"error": {
                "code": "",
                "message": self.message,
                "innererror": {
                    "message": self.message,
                    "type": "System.UnauthorizedAccessException",
                    "stacktrace": "",
                },
            }});
        }
        if self.about != About::Address {
            return json!({"error": {
                "code": "",
                "message": "An error has occurred.",
                "innererror": {
                    "message": self.message,
                    "type": match self.about {
                        About::Rules => "Microsoft.Dynamics.Platform.Integration.Services.OData.ODataException",
                        _ => "Microsoft.OData.ODataException",
                    },
                    "stacktrace": "",
                },
            }});
        }
        json!({"error": {
            "code": "",
            "message": format!("The query specified in the URI is not valid. {}", self.message),
            "innererror": {
                "message": self.message,
                "type": "Microsoft.OData.ODataException",
                "stacktrace": "",
            },
        }})
    }
}

const TRANSACTION: &str = "4E5A1B0C6D7E8F90A1B2C3D4E5F60718";
const TIMESTAMP: &str = "20261120080000.0000000";
