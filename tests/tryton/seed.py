#!/usr/bin/env python3
"""Fills an empty Tryton 8.0 database with a small plant: vendors, parts, stock, purchases, tasks and assets.

usage: seed.py <trytond.conf> <lineshaft.sqlite>

Every run gives the same records with the same ids, values and times: nothing is random, and the times that Tryton
notes itself are set at the end.
"""

import datetime as dt
import sqlite3
import sys
from decimal import Decimal

from proteus import Model, config

CONF, FILE = sys.argv[1:3]
SESSION = config.set_trytond("sqlite:///lineshaft", user="admin", config_file=CONF)

from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts  # noqa: E402
from trytond.modules.account_asset.tests.tools import add_asset_accounts  # noqa: E402
from trytond.modules.account_invoice.tests.tools import (  # noqa: E402
    create_payment_term,
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company, get_company  # noqa: E402

TODAY = dt.date.today()
# Everything that people enter lies around this day.
DAY = dt.date(2026, 6, 1)


def model(name):
    return Model.get(name)


def new(kind, /, **values):
    record = model(kind)(**values)
    record.save()
    return record


def only(name, *clauses):
    (found,) = model(name).find(list(clauses), limit=1)
    return found


def plant():
    """The company, its people and what accounting needs before goods can be bought."""
    for item in model("ir.module.config_wizard.item").find([("state", "!=", "done")]):
        item.state = "done"
        item.save()
    party = new("party.party", name="Test Works", code="OWN-1")
    create_company(party, "EUR")
    company = get_company()
    create_chart(company)
    span = (dt.date(TODAY.year - 1, 1, 1), dt.date(TODAY.year + 1, 12, 31))
    year = set_fiscalyear_invoice_sequences(create_fiscalyear(company, today=span))
    year.click("create_period")
    employees = []
    for number, name in enumerate(["Ada Schlosser", "Bo Ångman", "Chiyo 田中"], 1):
        person = model("party.party")(name=name, code=f"EMP-{number}")
        mail = person.contact_mechanisms.new()
        mail.type, mail.value = "email", f"employee{number}@example.com"
        person.save()
        employees.append(new("company.employee", party=person))
    user = model("res.user")(SESSION.user)
    for employee in employees:
        user.employees.append(model("company.employee")(employee.id))
    user.employee = employees[0]
    user.save()
    SESSION._context = model("res.user").get_preferences(True, {})
    reader = model("res.user")(name="Reader", login="reader", password="reader-Passw0rd")
    reader.save()
    return add_asset_accounts(get_accounts(company))


def vendors(term):
    """Names in several scripts, two alike, one no longer in use."""
    rows = [
        ("V-2001", "Müller Dichtungstechnik KG", "Hafenweg 3\nTor 2", "Ulm", "89073", "DE"),
        ("V-2002", "Ångström Hydraulik AB", "Kajgatan 1", "Göteborg", "41104", "SE"),
        ("V-2003", "東洋ベアリング株式会社", "中央 2-4", "大阪", "530-0001", "JP"),
        ("V-2004", "O'Hara & Sons \"Valves\"", "12 Quay", "Cork", "T12", "IE"),
        ("V-2005", "Twin Supplies", "Dok 1", "Gent", "9000", "BE"),
        ("V-2006", "Twin Supplies", "Dok 2", "Gent", "9000", "BE"),
        ("V-2007", "100% Lubricants_Ltd", "Mill Rd", "Leeds", "LS1", "GB"),
        ("V-2008", "Former Trading", "Old St", "York", "YO1", "GB"),
    ]
    countries = {}
    for code, name in [("DE", "Germany"), ("SE", "Sweden"), ("JP", "Japan"), ("IE", "Ireland"), ("BE", "Belgium"), ("GB", "United Kingdom")]:
        countries[code] = new("country.country", code=code, name=name)
    parties = []
    for code, name, street, city, postal_code, country in rows:
        party = model("party.party")(name=name, code=code)
        address = party.addresses[0] if party.addresses else party.addresses.new()
        address.street, address.city, address.postal_code = street, city, postal_code
        address.country = countries[country]
        mail = party.contact_mechanisms.new()
        mail.type, mail.value = "email", f"{code.lower()}@example.com"
        party.supplier_payment_term = term
        party.save()
        parties.append(party)
    identifier = parties[0].identifiers.new()
    identifier.type, identifier.code = None, "TAX-77"
    parties[0].save()
    parties[-1].active = False
    parties[-1].save()
    return parties


def parts(parties, accounts):
    category = model("product.category")(name="Spare parts accounts", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()
    family = new("product.category", name="Spare parts")
    unit, litre, metre = (only("product.uom", ("name", "=", name)) for name in ("Unit", "Liter", "Meter"))
    rows = [
        ("Ball bearing 6205", unit, "12.40"), ("Ball bearing 6309", unit, "48.90"), ("Shaft seal 45x65x8", unit, "6.15"),
        ("Gear oil VG 320", litre, "9.80"), ("Hydraulic hose DN12", metre, "14.05"), ("Filter insert 25 µm", unit, "31.00"),
        ("Coupling element 92A", unit, "22.75"), ("Contactor 24 V", unit, "64.30"), ("Screw M10x40 50%", unit, "0.35"),
        ("Gasket DN_100", unit, "4.20"), ("Impeller 200 mm", unit, "310.00"), ("Grease 400 g", unit, "7.90"),
    ]
    products = []
    for number, (name, uom, cost) in enumerate(rows):
        template = model("product.template")(name=name, type="goods", purchasable=True)
        template.default_uom, template.list_price = uom, Decimal(cost) * 2
        template.cost_price_method, template.account_category = "fixed", category
        template.categories.append(model("product.category")(family.id))
        variant = template.products[0]
        variant.suffix_code, variant.cost_price = f"PRT-{100 + number:05}", Decimal(cost)
        supplier = template.product_suppliers.new()
        supplier.party, supplier.code = parties[number % 4], f"S{number:03}"
        supplier.lead_time = dt.timedelta(days=3 + number)
        template.save()
        products.append(template.products[0])
    template = model("product.template")(name="Laser alignment", type="service", purchasable=True)
    template.default_uom, template.list_price, template.account_category = unit, Decimal(400), category
    template.products[0].suffix_code = "SRV-00001"
    template.save()
    products.append(template.products[0])
    old = products[11]
    old.active = False
    old.save()
    return products


def stock(products):
    storage = only("stock.location", ("code", "=", "STO"))
    places = [new("stock.location", name=f"Rack {letter}", code=f"R{letter}", type="storage", parent=storage) for letter in "ABC"]
    for place, rack in enumerate(places):
        inventory = model("stock.inventory")(location=rack)
        for number, product in enumerate(products[:11]):
            if (number + place) % 3 == 0:
                continue
            line = inventory.lines.new(product=product)
            line.quantity, line.expected_quantity = float(5 * number + 10 * place + 1), 0.0
        inventory.save()
        inventory.click("confirm")


def purchases(parties, products, term):
    """Each state several times: drafts, quotations, orders on the way, partly and wholly received, cancelled."""
    warehouse = only("stock.location", ("type", "=", "warehouse"))
    for number in range(30):
        order = model("purchase.purchase")(party=parties[number % 7], payment_term=term, invoice_method="manual")
        order.reference, order.description = f"REQ-{7000 + number}", f"Restock {number}"
        order.warehouse, order.purchase_date = warehouse, DAY + dt.timedelta(days=number)
        if number % 3 == 0:
            order.comment = "Call before delivery\nGate 4"
        for place in range(1 + number % 4):
            line = order.lines.new()
            line.product = products[(number + 3 * place) % 11]
            line.quantity, line.unit_price = float(4 + number + place), Decimal("1.25") * (1 + number) + place
        order.save()
        step = number % 6
        if step == 5:
            order.click("quote")
            order.click("cancel")
            continue
        if step >= 1:
            order.click("quote")
        if step >= 2:
            order.click("confirm")
        if step >= 3:
            receive(order, warehouse, number, whole=step == 4)


def receive(order, warehouse, number, whole):
    moves = [move for move in order.moves if move.state == "draft"]
    if not whole and len(moves) > 1:
        moves = moves[:1]
    if not moves:
        return
    shipment = model("stock.shipment.in")(supplier=order.party, warehouse=warehouse, reference=f"DN-{number}")
    for move in moves:
        shipment.incoming_moves.append(model("stock.move")(move.id))
    shipment.save()
    shipment.click("receive")
    shipment.click("do")


def work():
    """Tasks in the plant's own statuses; some below other tasks."""
    statuses = [only("project.work.status", ("name", "=", "Open"))]
    for name, progress in [("In progress", None), ("On hold", None), ("Waiting for crane", None), ("Closed", 1.0)]:
        statuses.append(new("project.work.status", name=name, types=["task"], progress=progress))
    names = ["Replace seal", "Inspect bearing", "Lubricate drive", "Check 50% load"]
    for line in range(3):
        project = new("project.work", name=f"Line {line + 1}", type="project", timesheet_available=False)
        for number, name in enumerate(names):
            job = model("project.work")(name=name, type="task", parent=project)
            job.effort_duration = dt.timedelta(minutes=30 * (1 + number + line))
            job.comment = f"{name} on line {line + 1}" if number % 2 else None
            status = statuses[(number + line) % len(statuses)]
            job.status = status
            if status.progress:
                job.progress = status.progress
            job.save()
            if number == 0:
                step = model("project.work")(name="Drain pump", type="task", parent=job)
                step.effort_duration = dt.timedelta(minutes=45)
                step.save()


def assets(accounts):
    unit = only("product.uom", ("name", "=", "Unit"))
    category = model("product.category")(name="Asset accounts", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.account_asset, category.account_depreciation = accounts["asset"], accounts["depreciation"]
    category.save()
    for number, name in enumerate(["Pump P-201", "Gearbox G-7", "Compressor K-3", "Press 400 t"]):
        template = model("product.template")(name=name, type="assets", default_uom=unit, depreciable=True)
        template.list_price, template.account_category = Decimal(10000), category
        template.depreciation_duration = 36
        template.products[0].suffix_code = f"EQ-{200 + number}"
        template.save()
        asset = model("account.asset")(product=template.products[0])
        asset.value = Decimal(9000) + 1500 * number
        asset.start_date = asset.purchase_date = dt.date(2026, 1, 1)
        asset.end_date = dt.date(2028, 12, 31)
        asset.quantity = 1.0
        asset.comment = f"{name}: serial 00{number}"
        asset.save()
        if number % 2:
            asset.click("create_lines")
            asset.click("run")


def own():
    """What the plant added to its Tryton: values of its own field, and records of its own model."""
    for number, order in enumerate(model("purchase.purchase").find([], order=[("id", "ASC")])):
        order.cost_center = [None, "CC-100", "CC-200", "CC-300"][number % 4]
        order.risk = [None, "1", "2"][number % 3]
        order.save()
    found = model("account.asset").find([], order=[("id", "ASC")])
    laboratory = only("party.party", ("id", "=", min(party.id for party in model("party.party").find([("code", "like", "V-%")]))))
    for number in range(12):
        record = model("plant.calibration")(number=f"CAL-{number + 1:03}", asset=found[number % len(found)])
        record.vendor = laboratory if number % 2 else None
        record.due_on = DAY + dt.timedelta(days=30 * number)
        record.deviation = Decimal("0.0125") * (number - 3)
        record.result = "fail" if number % 5 == 4 else "pass"
        record.passed_before = number % 2 == 0
        record.save()


def set_times():
    """Gives every record fixed times: one minute per id; every second one was never changed."""
    base = dt.datetime(2026, 6, 1, 6, 0)
    with sqlite3.connect(FILE) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in names:
            columns = {column[1] for column in database.execute(f'PRAGMA table_info("{table}")')}
            if table.startswith(("ir_", "res_")) or not {"id", "create_date", "write_date"} <= columns:
                continue
            for (number,) in database.execute(f'SELECT id FROM "{table}"').fetchall():
                created = base + dt.timedelta(minutes=number)
                changed = created + dt.timedelta(days=1, microseconds=250000) if number % 2 else None
                values = (created.isoformat(" "), changed and changed.isoformat(" "), number)
                database.execute(f'UPDATE "{table}" SET create_date = ?, write_date = ? WHERE id = ?', values)
        for table in ("stock_move", "stock_shipment_in"):
            database.execute(f'UPDATE "{table}" SET effective_date = ? WHERE effective_date IS NOT NULL', (str(DAY),))
        database.execute("UPDATE stock_inventory SET date = ?", (str(DAY),))


def main():
    accounts = plant()
    term = create_payment_term()
    term.save()
    parties = vendors(term)
    products = parts(parties, accounts)
    stock(products)
    purchases(parties, products, term)
    work()
    assets(accounts)
    own()
    for name in ["party.party", "product.product", "stock.location", "stock.move", "purchase.purchase", "purchase.line", "project.work", "account.asset", "plant.calibration"]:
        print(f"tryton: {len(model(name).find([])):3} {name}")


main()
set_times()
