// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
import HostModel

extension InterfaceLink {
    /// What the kernel told of every VF beside what can be set here.
    func vfReports() -> [Int: VFReport] {
        var count: UInt32 = 0
        // Without a list the look-up below would follow a null pointer.
        guard unsafe rtnl_link_get_num_vf(raw, &count) == 0, unsafe rtnl_link_has_vf_list(raw) != 0 else { return [:] }
        return vfReports(count: count)
    }

    /// The first `count` VFs, as far as they are in the list.
    func vfReports(count: UInt32) -> [Int: VFReport] {
        guard unsafe rtnl_link_has_vf_list(raw) != 0 else { return [:] }
        var reports: [Int: VFReport] = [:]
        for index in 0..<count {
            // SAFETY: the reference it takes is given back below.
            guard let vf = unsafe rtnl_link_vf_get(raw, index) else { continue }
            defer { unsafe rtnl_link_vf_put(vf) }
            var report = VFReport(linkState: unsafe Self.linkState(of: vf))
            var rate = nl_vf_rate()
            if unsafe rtnl_link_vf_get_rate(vf, &rate) == 0 {
                // Drivers of the old kind tell a maximum alone.
                let isNew = rate.api == CInt(RTNL_LINK_VF_RATE_API_NEW.rawValue)
                report.maxTxRateMbps = Int(isNew ? rate.max_tx_rate : rate.rate)
                report.minTxRateMbps = isNew ? Int(rate.min_tx_rate) : nil
            }
            unsafe Self.addVLAN(of: vf, to: &report)
            reports[Int(index)] = report
        }
        return reports
    }

    @unsafe private static func linkState(of vf: OpaquePointer) -> VFReport.LinkState? {
        var state: UInt32 = 0
        guard unsafe rtnl_link_vf_get_linkstate(vf, &state) == 0 else { return nil }
        // Source: `IFLA_VF_LINK_STATE_*`, include/uapi/linux/if_link.h.
        switch state {
        case 0: return .auto
        case 1: return .enable
        case 2: return .disable
        default: return nil
        }
    }

    @unsafe private static func addVLAN(of vf: OpaquePointer, to report: inout VFReport) {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        guard unsafe rtnl_link_vf_get_vlans(vf, &vlans) == 0, let vlans = unsafe vlans else { return }
        // SAFETY: the reference that the look-up took.
        defer { unsafe rtnl_link_vf_vlan_put(vlans) }
        // SAFETY: there is at least one entry.
        guard unsafe vlans.pointee.size > 0, unsafe vlans.pointee.vlans[0].vf_vlan != 0 else { return }
        report.vlanQoS = unsafe Int(vlans.pointee.vlans[0].vf_vlan_qos)
        // Big-endian on the wire; libnl hands some versions of it over swapped. 0 is an older kernel's 802.1Q.
        switch unsafe vlans.pointee.vlans[0].vf_vlan_proto {
        case 0, 0x8100, 0x0081: report.vlanProtocol = "802.1Q"
        case 0x88a8, 0xa888: report.vlanProtocol = "802.1ad"
        default: report.vlanProtocol = nil
        }
    }
}
