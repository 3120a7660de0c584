//! The discovery documents of a service provider (RFC 7644 §4), generated from the attribute table.

use serde_json::{Map, Value, json};

use super::list::{DEFAULT_COUNT, MAX_COUNT};
use super::schema::{Attribute, Mutability, ResourceType, Returned, Schema, Type};

/// The document at `/ServiceProviderConfig` (RFC 7643 §5). `base` is the SCIM base URL, such as
/// `https://x.example/scim/v2`.
#[must_use]
pub fn service_provider_config(base: &str) -> Map<String, Value> {
    object(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_COUNT},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        // RFC 9865 §4.
        "pagination": {
            "cursor": false,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token that the operator has set, in the header Authorization",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    }))
}

/// The documents at `/ResourceTypes` (RFC 7643 §6).
#[must_use]
pub fn resource_types(types: &[&ResourceType], base: &str) -> Vec<Map<String, Value>> {
    let describe = |own: &&ResourceType| {
        let extensions = own.extensions.iter();
        let extensions: Vec<_> =
            extensions.map(|schema| json!({"schema": schema.id, "required": false})).collect();
        let mut document = object(json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": own.name,
            "name": own.name,
            "description": own.description,
            "endpoint": own.endpoint,
            "schema": own.core.id,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", own.name),
            },
        }));
        if !extensions.is_empty() {
            document.insert("schemaExtensions".to_owned(), extensions.into());
        }
        document
    };
    types.iter().map(describe).collect()
}

/// The documents at `/Schemas` (RFC 7643 §7).
#[must_use]
pub fn schemas(types: &[&ResourceType], base: &str) -> Vec<Map<String, Value>> {
    let all = types.iter().flat_map(|own| std::iter::once(&own.core).chain(&own.extensions));
    all.map(|schema| describe_schema(schema, base)).collect()
}

fn describe_schema(schema: &Schema, base: &str) -> Map<String, Value> {
    object(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(describe_attribute).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id)},
    }))
}

fn describe_attribute(attribute: &Attribute) -> Value {
    let (kind, special) = match &attribute.kind {
        Type::Binary => ("binary", None),
        Type::Boolean => ("boolean", None),
        Type::Complex(parts) => {
            let parts = parts.iter().map(describe_attribute).collect::<Vec<_>>();
            ("complex", Some(("subAttributes", parts.into())))
        }
        Type::DateTime => ("dateTime", None),
        Type::Integer => ("integer", None),
        Type::Reference(types) => ("reference", Some(("referenceTypes", json!(types)))),
        Type::String => ("string", None),
    };
    let canonical = Some(&attribute.canonical_values).filter(|values| !values.is_empty());
    let canonical = canonical.map(|values| ("canonicalValues", json!(values)));
    let mut described = object(json!({
        "name": attribute.name,
        "type": kind,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": match attribute.mutability {
            Mutability::Immutable => "immutable",
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::WriteOnly => "writeOnly",
        },
        "returned": match attribute.returned {
            Returned::Always => "always",
            Returned::Default => "default",
            Returned::Never => "never",
        },
        "uniqueness": if attribute.unique { "server" } else { "none" },
    }));
    let extra = special.into_iter().chain(canonical);
    described.extend(extra.map(|(name, value)| (name.to_owned(), value)));
    described.into()
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::Limits;

    /// All attributes and their sub-attributes.
    fn all(attributes: &[Attribute]) -> Vec<&Attribute> {
        attributes
            .iter()
            .flat_map(|own| std::iter::once(own).chain(all(own.sub_attributes())))
            .collect()
    }

    #[test]
    fn every_attribute_is_described_in_full() {
        let limits = Limits { routing_profiles: vec!["Basic".to_owned()], ..Limits::default() };
        let (users, groups) = (ResourceType::user(&limits), ResourceType::group());
        let documents = schemas(&[&users, &groups], "https://x.example/scim/v2");
        let ids: Vec<_> =
            documents.iter().map(|document| document["id"].as_str().unwrap()).collect();
        assert_eq!(
            ids,
            [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User",
                "urn:ietf:params:scim:schemas:core:2.0:Group",
            ]
        );
        let text = serde_json::to_string(&documents).unwrap();
        let schemas = [&users.core, &users.extensions[0], &users.extensions[1], &groups.core];
        let attributes = schemas.iter().flat_map(|schema| all(&schema.attributes));
        let mut count = 0;
        for attribute in attributes {
            count += 1;
            assert!(text.contains(&format!("\"name\":\"{}\"", attribute.name)));
            assert!(!attribute.description.is_empty() && attribute.kind != Type::DateTime);
            assert_eq!(attribute.returned == Returned::Never, attribute.name == "password");
        }
        for member in ["type", "multiValued", "required", "caseExact", "mutability", "uniqueness"] {
            assert!(text.matches(&format!("\"{member}\":")).count() >= count, "{member}");
        }
        assert!(text.contains("\"canonicalValues\":[\"Basic\"]"));
        assert!(!text.contains("hierarchyGroup"), "what no list limits is not published");
    }
}
