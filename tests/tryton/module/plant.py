from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import PoolMeta


class Purchase(metaclass=PoolMeta):
    __name__ = "purchase.purchase"

    cost_center = fields.Char("Cost Center", help="Who pays for it.")
    risk = fields.Selection([(None, ""), ("1", "High"), ("2", "Low")], "Risk")


class Calibration(ModelSQL, ModelView):
    "Calibration"
    __name__ = "plant.calibration"

    number = fields.Char("Number", required=True)
    asset = fields.Many2One("account.asset", "Asset")
    vendor = fields.Many2One("party.party", "Laboratory")
    due_on = fields.Date("Due On")
    deviation = fields.Numeric("Deviation", digits=(16, 4))
    result = fields.Selection([("pass", "Passed"), ("fail", "Failed")], "Result")
    passed_before = fields.Boolean("Passed Before")

    @classmethod
    def default_result(cls):
        return "pass"
