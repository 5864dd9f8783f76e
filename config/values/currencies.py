"""Currencies as ISO 4217 had them, so that amounts can be shown when a newer list has withdrawn their currency."""

# List three of ISO 4217: codes that no list of current currencies has any more, without those of funds.
WITHDRAWN = frozenset(
    """
    ADP AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK BYB
    BYR CHC CSD CSJ CSK CUC CYP DDM DEM ECS ECV EEK ESA ESB ESP FIM FRF GEK GHC GHP GNE GNS GQE GRD GWE GWP HRD HRK IEP
    ILP ILR ISJ ITL LAJ LSM LTL LTT LUC LUF LUL LVL LVR MGF MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ PTE
    RHD ROK ROL RUR SDD SDP SIT SKK SLL SRG STD SUR TJR TMM TPE TRL UAK UGS UGW USS UYN UYP VEB VEF VNC XEU YDD YUD YUM
    YUN ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR
    """.split()  # noqa: SIM905
)
# The decimals of current and withdrawn currencies that do not have DEFAULT_DECIMALS.
DEFAULT_DECIMALS = 2
OTHER_DECIMALS = {
    code: decimals
    for decimals, codes in {
        0: "ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG RWF TPE TRL UGX UYI VND VUV XAF"
        " XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND YDD",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}


class Decimals(dict[str, int]):
    """The decimals of the current currencies; for any other code those that it had, or two if it is unknown."""

    def __missing__(self, code: str) -> int:
        return OTHER_DECIMALS.get(code, DEFAULT_DECIMALS)
