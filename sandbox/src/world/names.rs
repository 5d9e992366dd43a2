//! The words the generator draws from. Scripts, quotes and equal names are on purpose.

/// A vendor's name, city, region, postal code, country and currency.
pub(super) type VendorWords = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

pub(super) const VENDORS: &[VendorWords] = &[
    (
        "Müller Dichtungstechnik GmbH",
        "Würzburg",
        "Bayern",
        "97070",
        "DE",
        "EUR",
    ),
    ("Hudson Pump & Valve Co.", "Albany", "NY", "12207", "US", "USD"),
    ("東亜ベアリング株式会社", "名古屋", "愛知県", "450-0002", "JP", "JPY"),
    (
        "O'Connell Fasteners \"Prime\" Ltd",
        "Cork",
        "Munster",
        "T12 X8N6",
        "IE",
        "EUR",
    ),
    (
        "Västkust Motor AB",
        "Göteborg",
        "Västra Götaland",
        "411 03",
        "SE",
        "SEK",
    ),
    (
        "Lubrificanti Ferrero S.r.l.",
        "Torino",
        "Piemonte",
        "10121",
        "IT",
        "EUR",
    ),
    ("General Supplies", "Leeds", "West Yorkshire", "LS1 4AP", "GB", "GBP"),
    ("General Supplies", "Gent", "Oost-Vlaanderen", "9000", "BE", "EUR"),
    (
        "Électricité du Rhône SARL",
        "Lyon",
        "Auvergne-Rhône-Alpes",
        "69002",
        "FR",
        "EUR",
    ),
    ("上海联达自动化有限公司", "上海", "上海市", "200001", "CN", "CNY"),
    ("Çelik Makina A.Ş.", "İzmir", "Ege", "35210", "TR", "TRY"),
    (
        "Łożyska Północ Sp. z o.o.",
        "Gdańsk",
        "Pomorskie",
        "80-001",
        "PL",
        "PLN",
    ),
    ("Great Lakes Controls, Inc.", "Cleveland", "OH", "44114", "US", "USD"),
    (
        "Hidráulica Peñarroya S.A.",
        "Córdoba",
        "Andalucía",
        "14001",
        "ES",
        "EUR",
    ),
    (
        "ООО «Уралгидромаш»",
        "Екатеринбург",
        "Свердловская область",
        "620014",
        "RU",
        "RUB",
    ),
    ("Jeanne d'Arc Filtration", "Rouen", "Normandie", "76000", "FR", "EUR"),
    ("Σωλήνες Αιγαίου Α.Ε.", "Πειραιάς", "Αττική", "18535", "GR", "EUR"),
    ("한빛정밀공업", "부산", "부산광역시", "48058", "KR", "KRW"),
    ("Smith, Jones & Sons <Bolts>", "Dayton", "OH", "45402", "US", "USD"),
    (
        "Prairie Crane Services 50% Off",
        "Winnipeg",
        "MB",
        "R3C 1A3",
        "CA",
        "CAD",
    ),
    ("شركة الخليج للصيانة", "دبي", "دبي", "00000", "AE", "AED"),
    ("Nordhavn Køling A/S", "København", "Hovedstaden", "2150", "DK", "DKK"),
    (
        "Back\\slash_Tools N.V.",
        "Rotterdam",
        "Zuid-Holland",
        "3011 AA",
        "NL",
        "EUR",
    ),
    (
        "Ösau Wälzlager Österreich",
        "Linz",
        "Oberösterreich",
        "4020",
        "AT",
        "EUR",
    ),
    ("Kestrel Instruments Pty", "Perth", "WA", "6000", "AU", "AUD"),
];

/// An item's name, category, unit of measure, lot tracked.
pub(super) const ITEMS: &[(&str, &str, &str, bool)] = &[
    ("Mechanical seal set 45 mm", "Seals", "EA", false),
    ("Deep groove ball bearing 6310", "Bearings", "EA", false),
    ("Pump impeller 180 mm", "Pump parts", "EA", false),
    ("Shaft sleeve, stainless", "Pump parts", "EA", false),
    ("Gear oil ISO VG 320", "Lubricants", "L", true),
    ("Bearing grease EP2", "Lubricants", "EA", true),
    ("Hydraulic hose 3/8\"", "Hydraulics", "M", false),
    ("Filter element 25 µm", "Filters", "EA", false),
    ("Jaw coupling spider 98 ShA", "Drives", "EA", false),
    ("Asynchronous motor 11 kW", "Drives", "EA", false),
    ("V-belt XPA 1600", "Drives", "EA", false),
    ("Contactor 3-pole 24 V DC", "Electrical", "EA", false),
    ("Inductive sensor M18", "Instrumentation", "EA", false),
    ("Pressure transmitter 0…25 bar", "Instrumentation", "EA", false),
    ("Hex bolt M16×80 A4", "Fasteners", "EA", false),
    ("Gasket DN100 PN16", "Seals", "EA", false),
    ("O-ring 60×3 FKM", "Seals", "EA", true),
    ("Solenoid valve 1/2\"", "Valves", "EA", false),
    ("Ball valve DN50", "Valves", "EA", false),
    ("Roller chain 16B-1", "Drives", "M", false),
    ("Fuse gG 25 A", "Electrical", "EA", false),
    ("PLC output card 16×24 V", "Electrical", "EA", false),
    ("Control cable 7×1.5", "Electrical", "M", false),
    ("Pneumatic cylinder 63×250", "Pneumatics", "EA", false),
    ("Vibration sensor 100 mV/g", "Instrumentation", "EA", false),
    ("Conveyor roller Ø 60", "Conveying", "EA", false),
    ("Conveyor belt 800 mm", "Conveying", "M", false),
    ("Compressor oil 46", "Lubricants", "L", true),
    ("Air filter cartridge", "Filters", "EA", false),
    ("Thermocouple type K", "Instrumentation", "EA", false),
];

pub(super) const SERVICES: &[&str] = &[
    "Crane hire, per day",
    "Vibration analysis visit",
    "Motor rewinding",
    "Calibration service",
    "Boiler inspection",
];

pub(super) const MANUFACTURERS: &[&str] = &[
    "Kestrel",
    "Nordkraft",
    "Tōa",
    "Hudson",
    "Alpenfluid",
    "Ferrero",
    "Västkust",
    "Gamma & Söhne",
];

/// First name, last name, role, craft.
pub(super) const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("Admin", "Istrator", "Administrator", ""),
    ("Paula", "Lindqvist", "Maintenance planner", ""),
    ("Jörg", "Bäcker", "Buyer", ""),
    ("Siobhán", "O'Shea", "Buyer", ""),
    ("Mateo", "Núñez", "Technician", "Mechanic"),
    ("Aiko", "田中", "Technician", "Electrician"),
    ("Tom", "Fletcher", "Technician", "Mechanic"),
    ("Zofia", "Wójcik", "Technician", "Instrument fitter"),
    ("Kwame", "Mensah", "Technician", "Welder"),
    ("Ingrid", "Dahl", "Storekeeper", ""),
    ("Ravi", "Iyer", "Maintenance manager", ""),
    ("Lena", "Former", "Technician", "Electrician"),
];

/// Kind, letter of the number, category, name.
pub(super) const MACHINES: &[(&str, &str, &str, &str)] = &[
    ("Pump", "P", "Rotating equipment", "Feed pump"),
    ("Compressor", "C", "Rotating equipment", "Screw compressor"),
    ("Conveyor", "CV", "Conveying", "Belt conveyor"),
    ("Fan", "F", "Rotating equipment", "Exhaust fan"),
    ("Heat exchanger", "E", "Static equipment", "Plate heat exchanger"),
    ("Robot", "R", "Automation", "Palletizing robot"),
    ("Boiler", "B", "Static equipment", "Steam boiler"),
    ("Mixer", "A", "Rotating equipment", "Agitator"),
];

/// Title of work, problem, cause, remedy.
pub(super) const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("Replace leaking seal", "LEAK", "WEAR", "REPLACED"),
    ("High vibration at drive end", "VIBR", "MISALIGN", "ALIGNED"),
    ("Does not start", "NOSTART", "ELECTR", "REPAIRED"),
    ("Runs hot", "OVERHEAT", "LUBE", "LUBRICATED"),
    ("Unusual noise", "NOISE", "BEARING", "REPLACED"),
    ("Low flow", "LOWFLOW", "CLOGGED", "CLEANED"),
];

pub(super) const ROUTINES: &[&str] = &[
    "Monthly lubrication",
    "Quarterly inspection",
    "Annual overhaul",
    "Safety valve test",
    "Thermography round",
];

pub(super) const STEPS: &[&str] = &[
    "Lock out and tag",
    "Drain and vent",
    "Remove guard",
    "Check play and wear",
    "Replace worn parts",
    "Align and tighten",
    "Remove lock, test run",
    "Clean the place",
];

pub(super) const HOLD_REASONS: &[&str] = &["Waiting for parts", "Waiting for shutdown", "Waiting for permit"];

pub(super) const PAYMENT_TERMS: &[&str] = &["Immediate", "15 Days", "30 Days", "60 Days"];

pub(super) const INCOTERMS: &[&str] = &["EXW", "FCA", "DAP", "DDP"];
