"""How forms come into pages."""

from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    """Renders forms and their fields with this site's templates: `{{ form }}`."""

    form_template_name = "parts/form.html"
    field_template_name = "parts/field.html"
