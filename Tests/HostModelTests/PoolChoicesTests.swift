// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@Suite("The settings that a pool lets its users choose")
struct PoolChoicesTests {
    private let member = Caller(uid: 1000, user: "alice", groups: ["buslane"])
    private let manager = Caller(uid: 1001, user: "bob", groups: ["libvirt"])

    private func isAdmitted(
        _ caller: Caller, _ settings: VFSettings, _ choices: PoolChoices = PoolChoices(),
        defaults: VFSettings = VFSettings()
    ) -> Bool {
        let pool = Pool(name: "vfs", selector: Selector(), choices: choices, defaults: defaults)
        do throws(Refusal) {
            try caller.mustBeAdmitted(to: ClaimRequest(pool: pool, owner: .name("router"), settings: settings))
            return true
        } catch {
            return error.code != "not-permitted"
        }
    }

    private static func vlan(_ id: Int) throws -> VFSettings {
        VFSettings(vlan: .id(try #require(VLANID(id))))
    }

    static let harmful = [
        VFSettings(trust: true), VFSettings(spoofCheck: false), VFSettings(minTxRateMbps: 100),
        VFSettings(mac: "52:54:00:11:22:33", trust: true),
    ]
    static let harmless = [
        VFSettings(), VFSettings(mac: "52:54:00:11:22:33"), VFSettings(vlan: VFSettings.VLANChoice.none),
        VFSettings(trust: false, spoofCheck: true, linkState: .disable, minTxRateMbps: 0, maxTxRateMbps: 100),
    ]

    @Test("by itself, what does no harm; root and who changes domains choose everything", arguments: harmful)
    func mustBeAllowed(settings: VFSettings) {
        #expect(!isAdmitted(member, settings))
        #expect(isAdmitted(manager, settings) && isAdmitted(.root, settings))
        let all = PoolChoices(trust: true, spoofCheckOff: true, rates: true)
        #expect(isAdmitted(member, settings, all))
        #expect(isAdmitted(member, settings, defaults: settings))
    }

    @Test("harmless settings need no word of the pool", arguments: harmless)
    func needNoWord(settings: VFSettings) throws {
        #expect(isAdmitted(member, settings))
        #expect(isAdmitted(member, try Self.vlan(100)))
    }

    @Test("each choice of the pool allows its setting and no other")
    func single() {
        let choices = [
            PoolChoices(trust: true), PoolChoices(spoofCheckOff: true), PoolChoices(rates: true),
        ]
        for (position, choice) in choices.enumerated() {
            for (other, settings) in Self.harmful.prefix(3).enumerated() {
                #expect(isAdmitted(member, settings, choice) == (position == other))
            }
        }
        #expect(!isAdmitted(member, VFSettings(mac: "52:54:00:11:22:33"), PoolChoices(mac: false)))
    }

    @Test("VLANs: those of the ranges, with a plain tag; else any, or only the pool's default one")
    func vlans() throws {
        let ranges = PoolChoices(vlans: try VLANRanges("100-199,300"))
        for id in [100, 199, 300] { #expect(isAdmitted(member, try Self.vlan(id), ranges)) }
        for id in [99, 200, 301, 4094] { #expect(!isAdmitted(member, try Self.vlan(id), ranges)) }
        let none = VFSettings(vlan: VFSettings.VLANChoice.none)
        #expect(!isAdmitted(member, none, ranges))
        #expect(isAdmitted(member, none, PoolChoices(vlans: try VLANRanges("0,100"))))
        let provider = VFSettings(vlan: .tag(VLANTag(try #require(VLANID(100)), protocol: .dot1ad)))
        #expect(!isAdmitted(member, provider, ranges))
        let standard = try Self.vlan(7)
        #expect(
            isAdmitted(member, standard, defaults: standard) && isAdmitted(member, standard, ranges, defaults: standard)
        )
        #expect(!isAdmitted(member, try Self.vlan(8), defaults: standard))
        #expect(!isAdmitted(member, none, defaults: standard))
        #expect(isAdmitted(manager, try Self.vlan(99), ranges))
    }

    @Test("a rate limit may be lower than the pool's, and not higher or none")
    func rates() {
        let standard = VFSettings(maxTxRateMbps: 1000)
        for (rate, isAllowed) in [(1, true), (1000, true), (1001, false), (0, false)] {
            #expect(isAdmitted(member, VFSettings(maxTxRateMbps: rate), defaults: standard) == isAllowed)
        }
        #expect(isAdmitted(member, VFSettings(maxTxRateMbps: 0)))
    }
}
