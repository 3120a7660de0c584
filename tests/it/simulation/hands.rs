//! What somebody may do to a user by hand.

use aws_sdk_connect::Client;
use aws_sdk_connect::types::{PhoneType, UserIdentityInfo, UserPhoneConfig};
use serde_json::Value;

use super::House;
use super::chance::Chance;

/// Changes the one user in some ways, by chance.
pub(crate) async fn meddle(house: &House, chance: &Chance) {
    let client = Client::new(&super::aws(house.wire.clone()));
    let directory = house.wire.world.lock().unwrap().directory().clone();
    let (instance, user) = (&directory.instance_id, house.wire.users()[0].clone());
    let id = user["Id"].as_str().unwrap();
    let pick = |of: &std::collections::BTreeMap<String, String>| {
        chance.pick(&of.values().cloned().collect::<Vec<_>>()).clone()
    };
    if chance.in_100(50) {
        let name = ["Ruiz", "Gil", "Ng"];
        let info = UserIdentityInfo::builder()
            .first_name(*chance.pick(&name))
            .last_name(*chance.pick(&name))
            .set_mobile(chance.in_100(50).then(|| "+12065550100".to_owned()))
            .set_secondary_email(chance.in_100(50).then(|| "hand@example.com".to_owned()));
        let call = client.update_user_identity_info().instance_id(instance).user_id(id);
        call.identity_info(info.build()).send().await.unwrap();
    }
    if chance.in_100(50) {
        let desk = chance.in_100(50);
        let phone = UserPhoneConfig::builder()
            .phone_type(if desk { PhoneType::DeskPhone } else { PhoneType::SoftPhone })
            .set_desk_phone_number(desk.then(|| "+12065550100".to_owned()))
            .auto_accept(chance.in_100(50))
            .after_contact_work_time_limit(*chance.pick(&[0, 30]));
        let call = client.update_user_phone_config().instance_id(instance).user_id(id);
        call.phone_config(phone.build()).send().await.unwrap();
    }
    if chance.in_100(50) {
        let call = client.update_user_routing_profile().instance_id(instance).user_id(id);
        call.routing_profile_id(pick(&directory.routing_profiles)).send().await.unwrap();
    }
    if chance.in_100(50) {
        let call = client.update_user_security_profiles().instance_id(instance).user_id(id);
        call.security_profile_ids(pick(&directory.security_profiles)).send().await.unwrap();
    }
    if chance.in_100(50) {
        let call = client.update_user_hierarchy().instance_id(instance).user_id(id);
        call.hierarchy_group_id(pick(&directory.hierarchy_groups)).send().await.unwrap();
    }
    if chance.in_100(50) {
        let tags = ["team", "provisioner-suspended", "their-own"];
        let call = client.tag_resource().resource_arn(user["Arn"].as_str().unwrap());
        call.tags(*chance.pick(&tags), "x").send().await.unwrap();
    }
}

/// Everything that is ours to say is as it was before; what is others' is as they left it.
pub(crate) fn compare(user: &Value, before: &Value, seed: u64) {
    let (mut user, mut before) = (user.clone(), before.clone());
    for value in [&mut user, &mut before] {
        value["LastModifiedTime"] = Value::Null;
        value["IdentityInfo"]["SecondaryEmail"] = Value::Null;
        value["Tags"]["their-own"] = Value::Null;
        // Of a soft phone Connect keeps the number that it had.
        value["PhoneConfig"]["DeskPhoneNumber"] = Value::Null;
    }
    assert_eq!(user, before, "seed {seed}");
}
