//! ATT&CK techniques to the phases of the kill chain, as Splunk derives them: by tactic.

use std::collections::BTreeSet;

/// The tactics of ATT&CK that occur below, by their kill chain phase.
#[derive(Clone, Copy)]
enum Tactic {
    ResourceDevelopment,
    InitialAccess,
    Execution,
    Persistence,
    PrivilegeEscalation,
    DefenseEvasion,
    CredentialAccess,
    Discovery,
    LateralMovement,
    Collection,
    Exfiltration,
    Impact,
}

use Tactic::{
    Collection, CredentialAccess, DefenseEvasion, Discovery, Execution, Exfiltration, Impact, InitialAccess,
    LateralMovement, Persistence, PrivilegeEscalation, ResourceDevelopment,
};

impl Tactic {
    /// Its id and name in ATT&CK.
    fn id_and_name(self) -> (&'static str, &'static str) {
        match self {
            ResourceDevelopment => ("TA0042", "Resource Development"),
            InitialAccess => ("TA0001", "Initial Access"),
            Execution => ("TA0002", "Execution"),
            Persistence => ("TA0003", "Persistence"),
            PrivilegeEscalation => ("TA0004", "Privilege Escalation"),
            DefenseEvasion => ("TA0005", "Defense Evasion"),
            CredentialAccess => ("TA0006", "Credential Access"),
            Discovery => ("TA0007", "Discovery"),
            LateralMovement => ("TA0008", "Lateral Movement"),
            Collection => ("TA0009", "Collection"),
            Exfiltration => ("TA0010", "Exfiltration"),
            Impact => ("TA0040", "Impact"),
        }
    }

    fn phase(self) -> &'static str {
        match self {
            ResourceDevelopment => "Weaponization",
            InitialAccess => "Delivery",
            Execution | Persistence => "Installation",
            PrivilegeEscalation | DefenseEvasion | CredentialAccess | Discovery | LateralMovement | Collection => {
                "Exploitation"
            }
            Exfiltration | Impact => "Actions on Objectives",
        }
    }
}

/// The techniques that Splunk's CloudTrail detections name, with all their tactics. A sub-technique that is not listed
/// has those of its technique.
const TECHNIQUES: &[(&str, &[Tactic])] = &[
    ("T1021", &[LateralMovement]),
    ("T1069", &[Discovery]),
    ("T1078", &[DefenseEvasion, Persistence, PrivilegeEscalation, InitialAccess]),
    ("T1087", &[Discovery]),
    ("T1098", &[Persistence, PrivilegeEscalation]),
    ("T1110", &[CredentialAccess]),
    ("T1119", &[Collection]),
    ("T1136", &[Persistence]),
    ("T1185", &[Collection]),
    ("T1190", &[InitialAccess]),
    ("T1201", &[Discovery]),
    ("T1204", &[Execution]),
    ("T1485", &[Impact]),
    ("T1486", &[Impact]),
    ("T1490", &[Impact]),
    ("T1526", &[Discovery]),
    ("T1530", &[Collection]),
    ("T1535", &[DefenseEvasion]),
    ("T1537", &[Exfiltration]),
    ("T1538", &[Discovery]),
    ("T1550", &[DefenseEvasion, LateralMovement]),
    ("T1552", &[CredentialAccess]),
    ("T1555", &[CredentialAccess]),
    ("T1556", &[CredentialAccess, DefenseEvasion, Persistence]),
    ("T1562", &[DefenseEvasion]),
    ("T1578", &[DefenseEvasion]),
    ("T1580", &[Discovery]),
    ("T1586", &[ResourceDevelopment]),
    ("T1621", &[CredentialAccess]),
];

/// The phases of the techniques' tactics, each once, in the order of their names. Unknown techniques add nothing.
pub(super) fn kill_chain_phases(techniques: &[String]) -> Vec<String> {
    let tactics = techniques.iter().flat_map(|technique| tactics(technique));
    let phases: BTreeSet<&str> = tactics.map(|tactic| tactic.phase()).collect();
    phases.into_iter().map(str::to_owned).collect()
}

/// Id and name of the tactic of a technique or sub-technique; none where it is unknown or has several, of which a
/// detection does not say which one it means.
pub fn only_tactic(technique: &str) -> Option<(&'static str, &'static str)> {
    match tactics(technique) {
        [tactic] => Some(tactic.id_and_name()),
        _ => None,
    }
}

fn tactics(technique: &str) -> &'static [Tactic] {
    let parent = technique.split('.').next().unwrap_or(technique);
    TECHNIQUES.iter().find(|(id, _)| *id == parent).map_or(&[], |(_, tactics)| tactics)
}

#[cfg(test)]
mod tests {
    use super::{TECHNIQUES, kill_chain_phases, only_tactic};

    fn phases(techniques: &[&str]) -> Vec<String> {
        kill_chain_phases(&techniques.iter().map(|&technique| technique.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_seeds_technique_is_exploitation() {
        assert_eq!(phases(&["T1119"]), ["Exploitation"]);
    }

    #[test]
    fn phases_are_a_sorted_set_and_sub_techniques_inherit() {
        assert_eq!(
            phases(&["T1537", "T1078.004", "T1119"]),
            ["Actions on Objectives", "Delivery", "Exploitation", "Installation"]
        );
        assert_eq!(phases(&["T9999"]), Vec::<String>::new());
    }

    #[test]
    fn a_tactic_is_named_only_where_there_is_no_choice() {
        assert_eq!(only_tactic("T1119"), Some(("TA0009", "Collection")));
        assert_eq!(only_tactic("T1110.003"), Some(("TA0006", "Credential Access")));
        assert_eq!((only_tactic("T1078"), only_tactic("T9999")), (None, None));
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(TECHNIQUES.is_sorted_by_key(|(id, _)| *id));
    }
}
