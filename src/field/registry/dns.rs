//! Fields of DNS, mDNS and LLMNR, by Wireshark's names.

use super::{Read::Reading, fields};

fields! {
    "dns" = PROTOCOL None "Domain Name System" => Reading;
    "mdns" = PROTOCOL None "Multicast Domain Name System" => Reading;
    "llmnr" = PROTOCOL None "Link-local Multicast Name Resolution" => Reading;
    /// Over TCP.
    "dns.length" = U16 Decimal "Length" => Reading;
    "dns.id" = U16 Hex "Transaction ID" => Reading;
    "dns.flags" = U16 Hex "Flags" => Reading;
    "dns.flags.response" = BOOL None "Response" => Reading;
    "dns.flags.opcode" = U16 Decimal "Opcode" => Reading;
    "dns.flags.authoritative" = BOOL None "Authoritative" => Reading;
    /// Of LLMNR.
    "dns.flags.conflict" = BOOL None "Conflict" => Reading;
    "dns.flags.truncated" = BOOL None "Truncated" => Reading;
    "dns.flags.recdesired" = BOOL None "Recursion desired" => Reading;
    /// Of LLMNR.
    "dns.flags.tentative" = BOOL None "Tentative" => Reading;
    "dns.flags.recavail" = BOOL None "Recursion available" => Reading;
    "dns.flags.z" = BOOL None "Z" => Reading;
    "dns.flags.authenticated" = BOOL None "Answer authenticated" => Reading;
    "dns.flags.checkdisable" = BOOL None "Non-authenticated data" => Reading;
    "dns.flags.rcode" = U16 Decimal "Reply code" => Reading;
    "dns.count.queries" = U16 Decimal "Questions" => Reading;
    "dns.count.answers" = U16 Decimal "Answer RRs" => Reading;
    "dns.count.auth_rr" = U16 Decimal "Authority RRs" => Reading;
    "dns.count.add_rr" = U16 Decimal "Additional RRs" => Reading;
    /// Of an update.
    "dns.count.zones" = U16 Decimal "Zones" => Reading;
    /// Of an update.
    "dns.count.prerequisites" = U16 Decimal "Prerequisites" => Reading;
    /// Of an update.
    "dns.count.updates" = U16 Decimal "Updates" => Reading;
    "dns.qry.name" = TEXT None "Name" => Reading;
    "dns.qry.name.len" = U16 Decimal "Name Length" => Reading;
    "dns.count.labels" = U16 Decimal "Label Count" => Reading;
    "dns.qry.type" = U16 Decimal "Type" => Reading;
    "dns.qry.class" = U16 Hex "Class" => Reading;
    /// Of mDNS: the answer is wanted by the asker alone.
    "dns.qry.qu" = BOOL None "\"QU\" question" => Reading;
    "dns.resp.name" = TEXT None "Name" => Reading;
    "dns.resp.type" = U16 Decimal "Type" => Reading;
    "dns.resp.class" = U16 Hex "Class" => Reading;
    /// Of mDNS: it takes the place of all others.
    "dns.resp.cache_flush" = BOOL None "Cache flush" => Reading;
    /// In seconds.
    "dns.resp.ttl" = U32 Decimal "Time to live" => Reading;
    "dns.resp.len" = U16 Decimal "Data length" => Reading;
    "dns.rr.udp_payload_size" = U16 Decimal "UDP payload size" => Reading;
    "dns.resp.ext_rcode" = U8 Hex "Higher bits in extended RCODE" => Reading;
    "dns.resp.edns0_version" = U8 Decimal "EDNS0 version" => Reading;
    "dns.resp.z" = U16 Hex "Z" => Reading;
    "dns.resp.z.do" = BOOL None "DO bit" => Reading;
    "dns.resp.z.reserved" = U16 Hex "Reserved" => Reading;
    "dns.opt" = LABEL None "Option" => Reading;
    "dns.opt.code" = U16 Decimal "Option Code" => Reading;
    "dns.opt.len" = U16 Decimal "Option Length" => Reading;
    "dns.opt.client.family" = U16 Decimal "Family" => Reading;
    "dns.opt.client.netmask" = U8 Decimal "Source Netmask" => Reading;
    "dns.opt.client.scope" = U8 Decimal "Scope Netmask" => Reading;
    "dns.opt.client.addr4" = IPV4 None "Client Subnet" => Reading;
    "dns.opt.client.addr6" = IPV6 None "Client Subnet" => Reading;
    /// In tenths of a second.
    "dns.opt.edns_tcp_keepalive.timeout" = U16 Decimal "Timeout" => Reading;
    "dns.opt.ext_error.info_code" = U16 Decimal "Info Code" => Reading;
    "dns.opt.ext_error.extra_text" = TEXT None "Extra Text" => Reading;
    "dns.a" = IPV4 None "Address" => Reading;
    "dns.aaaa" = IPV6 None "AAAA Address" => Reading;
    "dns.ns" = TEXT None "Name Server" => Reading;
    "dns.md" = TEXT None "Mail Destination" => Reading;
    "dns.mf" = TEXT None "Mail Forwarder" => Reading;
    "dns.cname" = TEXT None "CNAME" => Reading;
    "dns.mb" = TEXT None "MailBox Domaine" => Reading;
    "dns.mg" = TEXT None "Mail Group member" => Reading;
    "dns.mr" = TEXT None "Mail Rename domaine" => Reading;
    "dns.dname" = TEXT None "Dname" => Reading;
    "dns.nxt.next_domain_name" = TEXT None "Next Domain Name" => Reading;
    "dns.nsec.next_domain_name" = TEXT None "Next Domain Name" => Reading;
    "dns.ptr.domain_name" = TEXT None "Domain Name" => Reading;
    "dns.mx.preference" = U16 Decimal "Preference" => Reading;
    "dns.mx.mail_exchange" = TEXT None "Mail Exchange" => Reading;
    "dns.srv.service" = TEXT None "Service" => Reading;
    "dns.srv.proto" = TEXT None "Protocol" => Reading;
    "dns.srv.name" = TEXT None "Name" => Reading;
    "dns.srv.priority" = U16 Decimal "Priority" => Reading;
    "dns.srv.weight" = U16 Decimal "Weight" => Reading;
    "dns.srv.port" = U16 Decimal "Port" => Reading;
    "dns.srv.target" = TEXT None "Target" => Reading;
    "dns.txt.length" = U8 Decimal "TXT Length" => Reading;
    "dns.txt" = TEXT None "TXT" => Reading;
    "dns.spf.length" = U8 Decimal "SPF Length" => Reading;
    "dns.spf" = TEXT None "SPF" => Reading;
    "dns.soa.mname" = TEXT None "Primary name server" => Reading;
    "dns.soa.rname" = TEXT None "Responsible authority's mailbox" => Reading;
    "dns.soa.serial_number" = U32 Decimal "Serial Number" => Reading;
    /// In seconds.
    "dns.soa.refresh_interval" = U32 Decimal "Refresh Interval" => Reading;
    /// In seconds.
    "dns.soa.retry_interval" = U32 Decimal "Retry Interval" => Reading;
    /// In seconds.
    "dns.soa.expire_limit" = U32 Decimal "Expire limit" => Reading;
    /// In seconds.
    "dns.soa.minimum_ttl" = U32 Decimal "Minimum TTL" => Reading;
    "dns.svcb.svcpriority" = U16 Decimal "SvcPriority" => Reading;
    "dns.svcb.targetname" = TEXT None "TargetName" => Reading;
    "dns.svcb.svcparam" = LABEL None "SvcParam" => Reading;
    "dns.svcb.svcparam.key" = U16 Decimal "SvcParamKey" => Reading;
    "dns.svcb.svcparam.value.length" = U16 Decimal "SvcParamValue length" => Reading;
    "dns.svcb.svcparam.value" = BYTES None "SvcParamValue" => Reading;
    "dns.svcb.svcparam.mandatory.key" = U16 Decimal "Mandatory key" => Reading;
    "dns.svcb.svcparam.alpn.length" = U8 Decimal "ALPN length" => Reading;
    "dns.svcb.svcparam.alpn" = TEXT None "ALPN" => Reading;
    "dns.svcb.svcparam.port" = U16 Decimal "Port" => Reading;
    "dns.svcb.svcparam.ipv4hint.ip" = IPV4 None "IP" => Reading;
    "dns.svcb.svcparam.ipv6hint.ip" = IPV6 None "IP" => Reading;
    "dns.svcb.svcparam.echconfig" = BYTES None "ECHConfig" => Reading;
    /// The frame of the question, where that was seen.
    "dns.response_to" = FRAME None "Request In" => Reading;
    /// From the question to the response.
    "dns.time" = SPAN None "Time" => Reading;
}
