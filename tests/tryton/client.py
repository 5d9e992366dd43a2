#!/usr/bin/env python3
"""Reads and changes the records of a Tryton server through Tryton's own client, as one request a line asks for.

usage: client.py <address>

Requests and answers are JSON objects. A request names what to "do" and the "model":

  find    domain, fields                 the records with these fields, by id; fields of linked records with dots
  create  values                         the id of a new record
  change  id, values                     nothing
  click   id, button                     nothing
  delete  id                             nothing
  search  domain                         the ids, asked for by one call, without the client's own reading

Dates in a domain are objects with a "date". Values are written as their fields need them: numbers as text, dates as 2026-06-30, durations in seconds, linked records
as ids, a linked record of any kind as "model,id", rows of their own as lists of objects, which fill the rows that are there before new ones are added. An answer
has the "result", or the "error" with what the server said.
"""

import contextlib
import datetime as dt
import json
import sys
import traceback
from decimal import Decimal

from proteus import Model, config


def assign(record, values):
    for name, value in values.items():
        field = record._fields[name]
        kind = field["type"]
        if kind == "one2many":
            rows = getattr(record, name)
            for place, row in enumerate(value):
                assign(rows[place] if place < len(rows) else rows.new(), row)
            continue
        if kind == "many2many":
            getattr(record, name).extend(Model.get(field["relation"]).find([("id", "in", value)]))
            continue
        if value is not None:
            value = read(field, kind, value)
        setattr(record, name, value)


def read(field, kind, value):
    if kind == "numeric":
        return Decimal(value)
    if kind == "float":
        return float(value)
    if kind == "date":
        return dt.date.fromisoformat(value)
    if kind == "timedelta":
        return dt.timedelta(seconds=value)
    if kind == "many2one":
        return Model.get(field["relation"])(value)
    if kind == "reference":
        model, number = value.split(",")
        return Model.get(model)(int(number))
    return value


def write(value):
    """Tells a value so that no digit is lost."""
    if isinstance(value, Model):
        return value.id
    if isinstance(value, list):
        return [write(one) for one in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return value.isoformat() + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return value


def plain(domain):
    """Makes the dates in a domain dates."""
    if isinstance(domain, list):
        return [plain(part) for part in domain]
    if isinstance(domain, dict):
        return dt.date.fromisoformat(domain["date"])
    return domain


def follow(record, path):
    for name in path.split("."):
        if record is None:
            return None
        record = getattr(record, name)
    return record


def answer(request):
    model = Model.get(request["model"])
    match request["do"]:
        case "find":
            with config.get_config().set_context(active_test=False):
                found = model.find(plain(request["domain"]), order=[("id", "ASC")])
            return [{name: write(follow(record, name)) for name in ["id", *request["fields"]]} for record in found]
        case "search":
            context = {**config.get_config().context, "active_test": False}
            return model._proxy.search(plain(request["domain"]), 0, None, [("id", "ASC")], context)
        case "create":
            record = model()
            assign(record, request["values"])
            record.save()
            return record.id
        case "change":
            record = model(request["id"])
            assign(record, request["values"])
            record.save()
        case "click":
            model(request["id"]).click(request["button"])
        case "delete":
            model(request["id"]).delete()
        case other:
            raise ValueError(f"unknown request: {other}")


def main():
    address, user, password = sys.argv[1], "admin", "admin-Passw0rd"
    # The server may be gone when it is time to log out.
    with contextlib.suppress(OSError), config.set_xmlrpc_session(f"{address}/lineshaft/rpc/", user, password):
        for line in sys.stdin:
            try:
                told = {"result": answer(json.loads(line))}
            except Exception:
                told = {"error": traceback.format_exc()}
            print(json.dumps(told), flush=True)


main()
