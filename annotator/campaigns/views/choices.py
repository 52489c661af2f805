"""Imports and generators as one searches them, for whoever may make campaigns and add items."""

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.forms import ItemFilterForm
from annotator.core.search_options import options_of

imports = role_required(Role.ADMIN)(options_of(ItemFilterForm.base_fields["batch"]))
generators = role_required(Role.ADMIN)(options_of(ItemFilterForm.base_fields["generator"]))
